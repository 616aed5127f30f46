#!/bin/sh
# Makes the certificates of this folder anew: for tests only, so that no test needs openssl.
# A stranger's certificate is by another authority. Valid from 2020 to 2120, whatever a machine's clock says.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ca.conf" <<CONF
[ca]
default_ca = here
[here]
database = $work/database
new_certs_dir = $work
serial = $work/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
CONF
: > "$work/database"
echo 01 > "$work/serial"

# make NAME AUTHORITY SECTION
make() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1-key.pem"
  openssl req -new -key "$1-key.pem" -subj "/CN=teller tests: $1" -out "$work/$1.csr"
  signer="-cert $2.pem -keyfile $2-key.pem"
  [ "$1" = "$2" ] && signer="-selfsign -keyfile $1-key.pem"
  openssl ca -batch -notext -config "$work/ca.conf" -extensions "$3" $signer \
    -startdate 20200101000000Z -enddate 21200101000000Z -in "$work/$1.csr" -out "$1.pem"
}
make authority authority authority
make server authority server
make client authority client
make other-authority other-authority authority
make stranger other-authority client
rm other-authority-key.pem authority-key.pem
