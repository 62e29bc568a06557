"""A value that a faulty flow never gave is unknown, not NULL: what a system shows is not cleared for it."""

from __future__ import annotations

from pathlib import Path

from tests.sync.world import World, changed

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    mail: 'ToLower([mail])'
    feast: 'FormatDateTime([born], , "yyyy-MM-dd", "dd.MM.yyyy")'
"""
APP = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: true
  flows:
    login: {value: 'Join("", "u", [employeeId])', enforce: once}
    emp: '[employeeId]'
    mail: '[mail]'
    feast: '[feast]'
    card: 'Join(" ", [mail], [feast])'
"""


def test_what_a_system_shows_stays_when_the_flow_never_gave_a_good_value(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.write("metaverse.yaml", "person: {attributes: {feast: text}}\n")
        people = world.source(
            "hr", "worker", mapping=HR, rows={n: {"mail": f"{n}@A", "born": "31st of May"} for n in ("1", "2")}
        )
        app = world.target("app", "account", mapping=APP)
        app.put("u1", emp="1", mail="1@a", feast="31.05.1990", card="hers")
        told = world.run()
        assert [(one["kind"], one["anchor"]) for one in told["errors"]] == [("expression", "1"), ("expression", "2")]
        assert "Until then it has no value" in told["errors"][0]["message"]
        assert changed(told) == [("app", "create", "u2")]
        assert (app.values("u1")["feast"], app.values("u1")["card"]) == ("31.05.1990", "hers")
        assert app.values("u2") == {"login": "u2", "emp": "2", "mail": "2@a", "enabled": True}

        people.put("1", mail="1@A", born="1990-06-01")
        world.run()
        assert (app.values("u1")["feast"], app.values("u1")["card"]) == ("01.06.1990", "1@a 01.06.1990")
