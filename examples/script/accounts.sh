#!/bin/sh
# A system for Muster's connector `script` that is read only: accounts in a file like /etc/passwd, in plain sh and awk.
# Environment: ACCOUNTS_FILE (default /etc/passwd).
file=${ACCOUNTS_FILE:-/etc/passwd}
read -r request

case $request in
'{"do":"check"'*)
    if [ -r "$file" ]; then
        printf '{"ok":true,"message":"%s lines"}\n' "$(grep -c : "$file")"
    else
        printf '{"error":"the file with the accounts cannot be read","kind":"unreachable"}\n'
    fi
    ;;
'{"do":"schema"'*)
    printf '{"object":"account","anchor":"login","attributes":{"login":"text","uid":"integer","name":"text"}}\n'
    printf '{"end":true,"can":[]}\n'
    ;;
'{"do":"read"'*)
    # What is between the colons may hold anything: backslashes, quotes and control characters are escaped.
    awk -F: '
        function text(value) {
            gsub(/\\/, "\\\\", value); gsub(/"/, "\\\"", value); gsub(/\t/, "\\t", value); gsub(/[[:cntrl:]]/, "", value)
            return "\"" value "\""
        }
        NF >= 5 {
            printf "{\"object\":\"account\",\"anchor\":%s,\"values\":{\"login\":%s,\"uid\":%s,\"name\":%s}}\n",
                text($1), text($1), text($3), text($5)
        }
    ' "$file" && printf '{"end":true,"complete":["account"]}\n'
    ;;
*)
    printf '{"error":"this script only reads"}\n'
    ;;
esac
