"""Systems that the gateway shows in the tests: their files, and what they hold at the beginning."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SQL = """
connector: sql
settings: {url: 'sqlite:///app.db'}
objects:
  account:
    table: account
    anchor: id
    enabled: active
    lists:
      roles: {table: account_role, owner: account, value: role}
  team:
    table: team
    anchor: id
    lists:
      members: {table: team_member, owner: team, value: account, large: true}
gateway:
  resources:
    User:
      object: account
      attributes:
        userName: login
        externalId: external_id
        name.givenName: first_name
        name.familyName: last_name
        displayName: display_name
        title: title
        active: enabled
        emails[type eq "work"].value: mail
        emails[type eq "home"].value: private_mail
        phoneNumbers[type eq "work"].value: phone
        addresses[type eq "work"].streetAddress: street
        addresses[type eq "work"].locality: city
        roles: roles
        password: password
        enterprise.employeeNumber: employee_number
        enterprise.department: department
        enterprise.manager: manager
        urn:acme:scim:2.0:User:badge: badge
        meta.created: created
    Group:
      object: team
      attributes: {displayName: name, externalId: external_id, members: members}
"""

TABLES = """
CREATE TABLE account (
    id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, external_id TEXT, first_name TEXT, last_name TEXT,
    display_name TEXT, title TEXT, active BOOLEAN, mail TEXT, private_mail TEXT, phone TEXT, street TEXT, city TEXT,
    password TEXT, employee_number TEXT, department TEXT, manager INTEGER, badge TEXT,
    created TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE account_role (account INTEGER, role TEXT, PRIMARY KEY (account, role));
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL, external_id TEXT);
CREATE TABLE team_member (team INTEGER, account INTEGER, PRIMARY KEY (team, account));
CREATE INDEX team_member_account ON team_member (account);
"""


def fill_sql(folder: Path) -> None:
    """Empty databases."""
    for name in ("app.db", "space.db"):
        with sqlite3.connect(folder / name) as database:
            database.executescript(TABLES)
        database.close()


LDAP = """
connector: ldap
settings:
  url: {url}
  bind_dn: {bind_dn}
  password: ${{secret:directory}}
  base: {base}
objects:
  user: {{class: inetOrgPerson, base: '{people}'}}
  group: {{class: groupOfNames, base: '{groups}', rdn: cn, placeholder_member: cn=nobody}}
gateway:
  resources:
    User:
      attributes:
        userName: uid
        externalId: employeeNumber
        name.givenName: givenName
        name.familyName: sn
        displayName: displayName
        title: title
        emails[type eq "work"].value: mail
        phoneNumbers[type eq "work"].value: telephoneNumber
        phoneNumbers[type eq "mobile"].value: mobile
        addresses[type eq "work"].streetAddress: street
        addresses[type eq "work"].locality: l
        enterprise.department: departmentNumber
        enterprise.manager: manager
        urn:acme:scim:2.0:User:language: preferredLanguage
      values:
        cn: 'IIF(IsNullOrEmpty([displayName]), [uid], [displayName])'
        dn: 'Join("", "uid=", EscapeDN([uid]), ",{people}")'
    Group:
      attributes: {{displayName: cn, externalId: description, members: member}}
      values: {{dn: 'Join("", "cn=", EscapeDN([cn]), ",{groups}")'}}
"""

SPACE = SQL.replace("app.db", "space.db").replace("gateway:\n", "gateway:\n  mode: buffered\n")
"""The same, answered from the connector space."""
