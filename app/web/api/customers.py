"""Customers and the places where they are visited, for other programs."""

from __future__ import annotations

from app.models import Customer, Site
from app.operations.customer import (
    NewSite,
    add_site,
    change_customer,
    change_liking,
    change_site,
    create_customer,
    find_customer,
    find_site,
    page_of_customers,
)
from app.operations.listing import Page
from app.web.api.forms_people import (
    CustomerIn,
    CustomerOut,
    CustomerPatch,
    CustomersOut,
    LikingIn,
    SiteIn,
    SiteOut,
    SitePatch,
)
from app.web.api.gate import blueprint
from app.web.api.reading import Body, PageIn, changed
from app.web.visitor import needs, now, parts, session


@blueprint.post("/customers")
@needs("dispatch")
@blueprint.input(CustomerIn)
@blueprint.output(CustomerOut, status_code=201)
@blueprint.doc(tags=["Customers"])
def create(json_data: CustomerIn) -> Customer:
    """Add a customer with the places to visit.

    Numbers become E.164; one without a country code is meant in the company's country. A place without a position is
    located from its address soon after.
    """
    typed = json_data.model_dump(exclude={"sites"})
    sites = [NewSite(site.address, site.lat, site.lon) for site in json_data.sites]
    return create_customer(session(), **typed, sites=sites, now=now(), country=parts().settings.country)


@blueprint.get("/customers")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(CustomersOut)
@blueprint.doc(tags=["Customers"])
def list_all_customers(query_data: PageIn) -> Page[Customer]:
    """List customers in the order in which they were added."""
    return page_of_customers(session(), limit=query_data.limit, cursor=query_data.cursor)


@blueprint.get("/customers/<int:customer_id>")
@needs("dispatch")
@blueprint.output(CustomerOut)
@blueprint.doc(tags=["Customers"])
def get(customer_id: int) -> Customer:
    """Return a customer."""
    return find_customer(session(), customer_id)


@blueprint.patch("/customers/<int:customer_id>")
@needs("dispatch")
@blueprint.input(CustomerPatch)
@blueprint.output(CustomerOut)
@blueprint.doc(tags=["Customers"])
def patch_customer(customer_id: int, json_data: Body) -> Customer:
    """Change a customer's facts; what is left out stays. Messages that wait go to the new address."""
    known = CustomerOut.model_validate(find_customer(session(), customer_id))
    facts = changed(known, json_data)
    return change_customer(session(), customer_id, **facts, now=now(), country=parts().settings.country)


@blueprint.post("/customers/<int:customer_id>/sites")
@needs("dispatch")
@blueprint.input(SiteIn)
@blueprint.output(SiteOut, status_code=201)
@blueprint.doc(tags=["Customers"])
def create_site(customer_id: int, json_data: SiteIn) -> Site:
    """Add a place where a customer is visited."""
    return add_site(session(), customer_id, NewSite(**json_data.model_dump()))


@blueprint.patch("/sites/<int:site_id>")
@needs("dispatch")
@blueprint.input(SitePatch)
@blueprint.output(SiteOut)
@blueprint.doc(tags=["Customers"])
def patch_site(site_id: int, json_data: Body) -> Site:
    """Change where a customer is visited; what is left out stays, but another address without a position is located
    anew."""
    known = SiteOut.model_validate(find_site(session(), site_id))
    if not json_data.model_fields_set & {"lat", "lon"} and "address" in json_data.model_fields_set:
        known.lat = known.lon = None
    return change_site(session(), site_id, NewSite(**changed(known, json_data)), now())


@blueprint.put("/customers/<int:customer_id>/likes")
@needs("dispatch")
@blueprint.input(LikingIn)
@blueprint.output(CustomerOut)
@blueprint.doc(tags=["Customers"])
def put_likes(customer_id: int, json_data: LikingIn) -> Customer:
    """Write anew which times and technicians a customer likes, and which technicians are never offered again."""
    return change_liking(session(), customer_id, **json_data.model_dump())
