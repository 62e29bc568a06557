"""Where the people and the teams of the stories about references come from: an HR system, and lists of members."""

WORKER = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    department: '[unit]'
    active: 'Not([status] = "left")'
    manager: {reference: '[boss]', to: worker}
"""
TEAM = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: hr/worker}}
"""
