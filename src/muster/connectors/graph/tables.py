"""What the kinds of object hold, by the names of Microsoft Graph v1.0.

One line an attribute: its name, marks, its type (text where none stands), its place in a resource where that differs.

- `*` many-valued, `!` required, `~` case ignored, `-` read only, `+` only with the object itself;
- `^` written by synchronisation only: read only, except in a directory of one's own that lets the application;
- `@` the same, and not known to Microsoft at all: there it has no values;
- `?` searched with the advanced query parameters, `#` not searched by the server.
"""

from __future__ import annotations

from typing import Final

_EXTENSIONS: Final = range(1, 16)


def _extensions(place: str, marks: str) -> str:
    return "\n".join(f"extensionAttribute{n}{marks} text {place}/extensionAttribute{n}" for n in _EXTENSIONS)


USER: Final = f"""
displayName!
givenName
surname
jobTitle
mail
mobilePhone?
officeLocation?
preferredLanguage?
userPrincipalName!
businessPhones*
accountEnabled boolean
userType~
mailNickname!
employeeId
employeeType?
employeeHireDate? datetime
employeeLeaveDateTime? datetime
division? text employeeOrgData/division
costCenter? text employeeOrgData/costCenter
department
companyName?
city
state
country
postalCode?
streetAddress?
faxNumber?
usageLocation~
preferredDataLocation~#
ageGroup~
consentProvidedForMinor~
otherMails*
proxyAddresses*^
imAddresses*^
showInAddressList? boolean
passwordPolicies?
assignedLicenses*~ guid assignedLicenses[]/skuId
creationType-
externalUserState-
externalUserStateChangeDateTime-# datetime
createdDateTime- datetime
lastPasswordChangeDateTime-# datetime
signInSessionsValidFromDateTime-# datetime
securityIdentifier-#
{_extensions("onPremisesExtensionAttributes", "?")}
onPremisesImmutableId
onPremisesSamAccountName^?
onPremisesSecurityIdentifier^
onPremisesUserPrincipalName^
onPremisesDistinguishedName^#
onPremisesDomainName^#
onPremisesSyncEnabled^ boolean
onPremisesLastSyncDateTime-? datetime
manager reference
"""

GROUP: Final = f"""
displayName!
description
mail^
mailEnabled boolean
mailNickname!
securityEnabled boolean
groupTypes*
proxyAddresses*^
visibility~#
classification
theme~#
preferredLanguage
preferredDataLocation~#
isAssignableToRole+ boolean
membershipRule
membershipRuleProcessingState~
uniqueName+
resourceProvisioningOptions*-
team# boolean resourceProvisioningOptions/Team
resourceBehaviorOptions*+#
creationOptions*+#
createdDateTime- datetime
renewedDateTime- datetime
expirationDateTime- datetime
securityIdentifier-#
{_extensions("onPremisesExtensionAttributes", "@?")}
onPremisesImmutableId@
onPremisesSamAccountName^
onPremisesNetBiosName^#
onPremisesDomainName^#
onPremisesSecurityIdentifier^
onPremisesSyncEnabled^ boolean
onPremisesLastSyncDateTime- datetime
"""

DEVICE: Final = f"""
displayName!
accountEnabled boolean
deviceId!+~
operatingSystem!#
operatingSystemVersion!#
alternativeSecurityIds*# binary alternativeSecurityIds[]/key
trustType^~
profileType#
deviceCategory#
deviceOwnership#
enrollmentType#
enrollmentProfileName#
managementType#
manufacturer#
model#
deviceMetadata#
deviceVersion# integer
mdmAppId
isCompliant boolean
isManaged boolean
isRooted# boolean
physicalIds*
systemLabels*#
approximateLastSignInDateTime^ datetime
complianceExpirationDateTime^# datetime
registrationDateTime^# datetime
createdDateTime-# datetime
{_extensions("extensionAttributes", "?")}
onPremisesImmutableId@
onPremisesSecurityIdentifier@
onPremisesSyncEnabled^ boolean
onPremisesLastSyncDateTime- datetime
"""

CONTACT: Final = """
displayName!^
givenName^
surname^
jobTitle^
department^
companyName^
mail^
mailNickname^
proxyAddresses*^
businessPhones*^# text phones[business]/number
mobilePhone^# text phones[mobile]/number
faxNumber^# text phones[businessFax]/number
streetAddress^# text addresses[]/street
city^# text addresses[]/city
state^# text addresses[]/state
postalCode^# text addresses[]/postalCode
country^# text addresses[]/countryOrRegion
officeLocation^# text addresses[]/officeLocation
onPremisesImmutableId@
onPremisesSyncEnabled^ boolean
onPremisesLastSyncDateTime- datetime
"""
