def test_health(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    r = client.get("/nowhere"); assert r.status_code == 404, r.text
    r = client.get("/api/v1/nowhere"); assert r.status_code == 404; print(r.json)
def test_book(world, client):
    import pytest
    from app.errors import Conflict
    v = world.visit()
    with pytest.raises(Conflict): world.visit(90)
    assert world.visit(60, 120) != v
