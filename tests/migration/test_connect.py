"""The synchronization rules of Entra Connect fold into one mapping an object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muster.expressions import Context, compile_expression
from muster.migration.connect.grouping import grouped
from muster.migration.connect.powershell import read_script
from muster.migration.connect.reading import Export, import_rules
from muster.migration.connect.rules import JoinCondition
from muster.migration.encoding import decoded
from muster.migration.outcome import Imported
from muster.migration.surroundings import Surroundings
from muster.model.errors import ProjectError
from tests.migration.support import AROUND, DOCUMENTS, draft, left

AD = "22222222-bbbb-4bbb-8bbb-000000000002"
SCRIPT = (DOCUMENTS / "user-rules.ps1").read_bytes()
SERVER = {str(path.relative_to(DOCUMENTS)): path.read_bytes() for path in sorted((DOCUMENTS / "server").rglob("*.xml"))}


def folded(files: dict[str, bytes], *systems: str, around: Surroundings = AROUND) -> Imported:
    return import_rules(Export(files), systems, around)


@pytest.fixture(scope="module")
def user() -> dict[str, Any]:
    return draft(folded({"rules.ps1": SCRIPT}, "ad"), "ad-user").content


def test_guids_are_bytes_and_sids_texts_as_the_rules_expect() -> None:
    text = """
    New-ADSyncRule -Name 'In' -Direction 'Inbound' -Precedence 5 -SourceObjectType 'user' -TargetObjectType 'person' `
      -Connector 'x' -LinkType 'Provision'
    Add-ADSyncAttributeFlowMapping -Source 'objectGUID' -Destination 'sourceAnchor' -FlowType 'Expression' `
      -Expression 'ConvertToBase64([objectGUID])'
    Add-ADSyncAttributeFlowMapping -Source 'objectSid' -Destination 'objectSidString' -FlowType 'Expression' `
      -Expression 'StringFromSid([objectSid])'
    New-Object -TypeName 'x.JoinCondition' -ArgumentList 'objectGUID','sourceAnchorBinary',$false -OutVariable one
    Add-ADSyncJoinConditionGroup -JoinConditions @($one[0])
    """
    found = draft(folded({"x.ps1": text.encode()}, "ad"), "ad-user").content
    assert found["join"] == [{"sourceAnchorBinary": "CGuid([objectGUID])"}]
    value = found["inbound"]["flows"]["onPremisesImmutableId"]
    assert found["inbound"]["flows"]["onPremisesSecurityIdentifier"] == "[objectSid]"
    attributes = {"objectGUID": "00112233-4455-6677-8899-aabbccddeeff"}
    made = compile_expression(value, dialect="connect").evaluate(attributes, Context(datetime(2026, 3, 2, tzinfo=UTC)))
    assert made == "MyIRAFVEd2aImaq7zN3u/w=="


def test_the_script_is_read_as_powershell_would() -> None:
    rules = read_script(SCRIPT.decode(), "rules.ps1")
    assert [(rule.name, rule.precedence, rule.link) for rule in rules] == [
        ("In from AD - User Contractors", 50, "Join"),
        ("In from AD - User Join", 100, "Provision"),
        ("In from AD - User AccountEnabled", 102, "Join"),
        ("In from AD - User Old", 140, "Join"),
        ("Out to AD - User Id", 10, "Join"),
    ]
    join = rules[1]
    assert join.joins == [
        [JoinCondition("mS-DS-ConsistencyGuid", "sourceAnchorBinary")],
        [JoinCondition("employeeID", "employeeID", True), JoinCondition("sn", "sn")],
    ]
    assert (rules[2].password_sync, rules[3].disabled, rules[4].flows[0].once) == (True, True, True)
    assert "SystemMailbox{" in join.flows[0].expression


def test_scripts_that_people_changed_are_read_too() -> None:
    text = """
    <# variables, here-strings, double quotes, one line #>
    [int] $precedence = 88
    $connectorName = 'corp.example'
    $id = [string](Get-ADSyncConnector -Name $connectorName).Identifier
    New-ADSyncRule -Name "In `"special`"" -Direction 'Inbound' -Precedence $precedence -SourceObjectType 'user' `
      -TargetObjectType 'person' -Connector $id -Description @'
    it's -Disabled
'@ -OutVariable syncRule | Out-Null
    Add-ADSyncAttributeFlowMapping -SynchronizationRule $syncRule[0] -Source 'c' -Destination 'c' `
      -FlowType 'Direct' -ExecuteOnce:$false
    """
    (rule,) = read_script(text, "own.ps1")
    assert (rule.name, rule.precedence, rule.connector, rule.disabled) == ('In "special"', 88, "corp.example", False)
    assert (rule.flows[0].source, rule.flows[0].once) == ("c", False)


def test_a_precedence_that_only_powershell_knows_is_asked_for() -> None:
    with pytest.raises(ProjectError, match=r"own.ps1: the rule `In` has no precedence"):
        read_script("New-ADSyncRule -Name 'In' -Precedence $asked -Direction 'Inbound'", "own.ps1")


def test_the_scope_of_the_rules_that_tie_objects_is_the_mappings_own(user: dict[str, Any]) -> None:
    assert user["dialect"] == "connect"
    clauses = [{"attribute": "isCriticalSystemObject", "operator": "NOTEQUAL", "value": "TRUE"}]
    assert user["scope"] == {"connect": [clauses]}
    assert user["project"] is True


def test_join_groups_are_lines_and_their_conditions_pairs(user: dict[str, Any]) -> None:
    assert user["join"] == [
        {"sourceAnchorBinary": "[mS-DS-ConsistencyGuid]"},
        {"employeeId": "[employeeID]", "surname": "[sn]"},
    ]


def test_rules_for_one_attribute_are_alternatives_in_order_of_precedence(user: dict[str, Any]) -> None:
    flows = user["inbound"]["flows"]
    assert user["inbound"]["precedence"] == 50
    assert flows["department"] == [
        {"when": 'Left([extensionAttribute1], 3) = "EXT"', "value": '"Contractors"'},
        {"value": "[department]", "precedence": 100},
    ]
    assert flows["accountEnabled"] == {
        "when": "Not(IsBitSet([userAccountControl], 2))",
        "value": "True",
        "precedence": 102,
    }
    assert flows["manager"] == {"reference": "[manager]", "precedence": 100}


def test_merged_values_are_a_union(user: dict[str, Any]) -> None:
    assert user["inbound"]["flows"]["proxyAddresses"]["merge"] == "union"


def test_a_comparison_binds_closer_than_or_as_it_does_on_the_server(user: dict[str, Any]) -> None:
    value = user["inbound"]["flows"]["cloudFiltered"]["value"]
    assert value == (
        'IIF((IsPresent([sAMAccountName]) = False) || (Left([mailNickname], 14) = "SystemMailbox{"), True, NULL)'
    )
    made = compile_expression(value, dialect="connect")
    now = Context(datetime(2026, 3, 2, tzinfo=UTC))
    assert made.evaluate({"sAMAccountName": "ada"}, now) is None
    assert made.evaluate({"sAMAccountName": "x", "mailNickname": "SystemMailbox{1}"}, now) is True


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('[a] = "x || y" || [b]', '([a] = "x || y") || [b]'),
        ("IIF(([a] > 1) && IsPresent([b]), [a], [b])", "IIF(([a] > 1) && IsPresent([b]), [a], [b])"),
        ("CBool(InStr([a], 1)>0) || F([b]=2&&[c]<>3, [d])", "CBool(InStr([a], 1)>0) || F(([b]=2)&&([c]<>3), [d])"),
        ("[a] & [b] = [c]", "[a] & [b] = [c]"),
        ("BitAnd([a],&H21) > 0", "BitAnd([a],&H21) > 0"),
    ],
)
def test_only_bare_comparisons_get_brackets(written: str, meant: str) -> None:
    assert grouped(written) == meant


def test_execute_once_is_enforce_once_and_join_alone_makes_nothing(user: dict[str, Any]) -> None:
    assert user["outbound"] == {
        "flows": {
            "msDS-ExternalDirectoryObjectId": {
                "when": "[cloudFiltered] <> True",
                "value": '"User_" & [onPremisesImmutableId]',
                "enforce": "once",
            }
        }
    }


def test_what_rules_cannot_say_here_is_named() -> None:
    found = left(folded({"rules.ps1": SCRIPT}, "ad"))
    assert found["In from AD - User Old"] == "the rule is disabled"
    assert "passwords" in found["In from AD - User AccountEnabled"]
    assert "%Domain.FQDN%" in found["In from AD - User Join: domainFQDN"]
    assert "In from AD - User Contractors: proxyAddresses (MergeCaseInsensitive)" in found


def test_a_parameter_of_the_project_makes_the_flow_possible() -> None:
    around = Surroundings(AROUND.systems, AROUND.attributes, AROUND.filled, {"Domain.FQDN": "corp.example"})
    found = draft(folded({"rules.ps1": SCRIPT}, "ad", around=around), "ad-user").content
    flow = found["inbound"]["flows"]["onPremisesDomainName"]
    assert flow == {"value": "%Domain.FQDN%", "precedence": 100}


def test_rules_stand_behind_those_of_other_mappings_that_use_their_numbers() -> None:
    around = Surroundings(
        AROUND.systems, AROUND.attributes, precedences={"hr": frozenset({50}), "ad-user": frozenset({100})}
    )
    found = folded({"rules.ps1": SCRIPT}, "ad", around=around)
    assert draft(found, "ad-user").content["inbound"]["precedence"] == 1050
    assert "the rules' own precedences" in left(found)


def test_the_servers_xml_gives_provision_from_clauses_and_types_from_its_metaverse() -> None:
    found = folded(SERVER, "acme.onmicrosoft.com - AAD=cloud")
    group = draft(found, "cloud-group").content
    named = "([cloudFiltered] <> True) && (IsPresent([onPremisesImmutableId]))"
    assert group["join"] == [{"onPremisesImmutableId": "[onPremisesImmutableId]"}]
    assert group["outbound"] == {
        "provision": f'({named}) || (Right([cn], 6) = "-cloud")',
        "deprovision": "delete",
        "flows": {
            "displayName": "[displayName]",
            "mailNickname": {"value": 'Left([cn], 20) & "-" & [onPremisesImmutableId]', "enforce": "once"},
            "members": {"references": "[members]"},
            "securityEnabled": "True",
        },
    }
    assert found.attributes["group"] == {"onPremisesImmutableId": "text", "cloudFiltered": "boolean", "cn": "text"}


def test_connectors_that_nobody_named_are_named() -> None:
    found = folded({"rules.ps1": SCRIPT, **SERVER}, f"{AD}=ad")
    assert "rules of acme.onmicrosoft.com - AAD (b891884f-051e-4a83-95af-2544101c9083)" in left(found)
    with pytest.raises(ProjectError, match=rf"Say --system CONNECTOR=NAME. There are: .*{AD}, 5 rules"):
        folded({"rules.ps1": SCRIPT, **SERVER})


def test_an_object_that_the_system_does_not_have_is_named() -> None:
    with pytest.raises(ProjectError, match=r"systems/ad.yaml has no object for group"):
        folded(SERVER, "ad")


def test_xml_with_entities_is_not_read() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaa">]><synchronizationRule>&a;</synchronizationRule>'
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(ProjectError, match="declares XML entities"):
            Export({"bomb.xml": bomb.encode(encoding)})


def test_a_file_of_another_kind_has_no_rules() -> None:
    with pytest.raises(ProjectError, match="no synchronization rules"):
        Export({"x.ps1": b"Get-Date"})
    with pytest.raises(ProjectError, match="is not XML"):
        Export({"x.xml": b"<a>"})
    assert decoded("é".encode("utf-16"), "x") == "é"
