"""The functions of the expression language, a file a family.

Sources: the Entra provisioning service's, cloud sync's, Entra Connect's and MIM's function references, at
https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data,
https://learn.microsoft.com/entra/identity/hybrid/cloud-sync/reference-expressions,
https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference and
https://learn.microsoft.com/microsoft-identity-manager/reference/mim2016-functions-reference.

A function is there in every dialect unless two of the references give one name two meanings.
"""
