"""Customers and services, for other programs."""

from __future__ import annotations

from app.models import Customer, Service
from app.operations.customer import NewSite, change_liking, create_customer, find_customer, page_of_customers
from app.operations.listing import Page
from app.operations.service import list_services
from app.web.api.forms import ServicesOut
from app.web.api.forms_people import CustomerIn, CustomerOut, CustomersOut, LikingIn
from app.web.api.gate import blueprint
from app.web.api.reading import PageIn
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


@blueprint.put("/customers/<int:customer_id>/likes")
@needs("dispatch")
@blueprint.input(LikingIn)
@blueprint.output(CustomerOut)
@blueprint.doc(tags=["Customers"])
def put_likes(customer_id: int, json_data: LikingIn) -> Customer:
    """Write anew which times and technicians a customer likes, and which technicians are never offered again."""
    return change_liking(session(), customer_id, **json_data.model_dump())


@blueprint.get("/services")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(ServicesOut)
@blueprint.doc(tags=["Services"])
def services(query_data: PageIn) -> Page[Service]:
    """List what can be booked."""
    return list_services(session(), limit=query_data.limit, cursor=query_data.cursor)
