# A system for Muster's connector `script`: people in a CSV file, in PowerShell 7. Copy it and begin.
# Environment: PEOPLE_CSV. In the system file: command: [pwsh, -NoProfile, -NonInteractive, -File, people.ps1]
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
[Console]::InputEncoding = [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)

function Say($message) { [Console]::Out.WriteLine(($message | ConvertTo-Json -Depth 8 -Compress)) }
function Get-People { if (Test-Path $env:PEOPLE_CSV) { @(Import-Csv -Path $env:PEOPLE_CSV -Encoding utf8) } else { @() } }
function Save-People($people) {
    $beside = "$env:PEOPLE_CSV.new"
    @($people) | Select-Object login, name, title | Export-Csv -Path $beside -Encoding utf8NoBOM
    Move-Item -Force -Path $beside -Destination $env:PEOPLE_CSV
}
function Show($person) {
    Say @{ object = 'person'; anchor = $person.login; values = @{ login = $person.login; name = $person.name; title = $person.title } }
}

function Write-One($change, [System.Collections.ArrayList]$people) {
    $found = $people | Where-Object { $_.login -ceq $change.anchor } | Select-Object -First 1
    if ($change.do -eq 'create') {
        if ($found) { return @{ key = $change.key; result = 'exists'; anchor = $change.anchor } }
        $found = [pscustomobject]@{ login = $change.anchor; name = ''; title = '' }
        [void]$people.Add($found)
    }
    elseif (-not $found) { return @{ key = $change.key; result = 'gone' } }
    if ($change.PSObject.Properties['expected']) {
        foreach ($one in $change.expected.PSObject.Properties) {
            if ("$($found.($one.Name))" -cne "$($one.Value)") { return @{ key = $change.key; result = 'conflict' } }
        }
    }
    if ($change.do -eq 'delete') { $people.Remove($found) }
    elseif ($change.PSObject.Properties['values']) {
        foreach ($one in $change.values.PSObject.Properties) { $found.($one.Name) = "$($one.Value)" }
    }
    return @{ key = $change.key; result = 'done'; anchor = $change.anchor }
}

$request = [Console]::In.ReadLine() | ConvertFrom-Json
switch ($request.do) {
    'check' { Say @{ ok = $true; message = "$(@(Get-People).Count) people" } }
    'schema' {
        Say @{ object = 'person'; anchor = 'login'; attributes = @{ login = @{ type = 'text'; writable = 'create' }; name = 'text'; title = 'text' } }
        Say @{ end = $true; can = @('write', 'find') }
    }
    'read' {
        foreach ($person in Get-People) { Show $person }
        Say @{ end = $true; complete = @('person') }
    }
    'find' {
        foreach ($person in Get-People) { if ($request.values -ccontains $person.($request.attribute)) { Show $person } }
        Say @{ end = $true }
    }
    'write' {
        $people = [System.Collections.ArrayList]@(Get-People)
        while ($null -ne ($line = [Console]::In.ReadLine())) {
            $change = $line | ConvertFrom-Json
            if ($change.PSObject.Properties['end']) { break }
            $answer = Write-One $change $people
            Save-People $people
            Say $answer
        }
    }
    default { Say @{ error = "this script does not do $($request.do)" } }
}
