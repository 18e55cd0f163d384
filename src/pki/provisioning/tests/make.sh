#!/bin/sh
# Makes legacy.pfx and modern.pfx with OpenSSL 3: one chain, its certificates out of order, behind the password `P@ssw0rd`.
# legacy.pfx is what OpenSSL 1 and older Windows write: RC2-40 and 3DES with SHA-1. The key is of no other use.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 8000 -subj '/CN=Test Provisioning Root' \
    -keyout "$work/root.key" -out "$work/root.pem"
openssl req -new -newkey rsa:2048 -nodes -subj '/CN=Test Provisioning CA' -keyout "$work/ca.key" -out "$work/ca.csr"
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' >"$work/ca.ext"
openssl x509 -req -in "$work/ca.csr" -CA "$work/root.pem" -CAkey "$work/root.key" -sha256 -days 8000 \
    -extfile "$work/ca.ext" -out "$work/ca.pem"
openssl req -new -newkey rsa:2048 -nodes -subj '/CN=provisioning.corp.example' \
    -keyout "$work/leaf.key" -out "$work/leaf.csr"
printf 'extendedKeyUsage=serverAuth,2.16.840.1.113741.1.2.3\n' >"$work/leaf.ext"
openssl x509 -req -in "$work/leaf.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -sha256 -days 8000 \
    -extfile "$work/leaf.ext" -out "$work/leaf.pem"

cat "$work/root.pem" "$work/ca.pem" >"$work/others.pem"
for generation in legacy modern; do
    option=
    [ "$generation" = legacy ] && option=-legacy
    openssl pkcs12 -export $option -inkey "$work/leaf.key" -in "$work/leaf.pem" -certfile "$work/others.pem" \
        -passout 'pass:P@ssw0rd' -out "$generation.pfx"
done
