#!/bin/sh
# Makes the folders, a certificate authority and a server certificate in the first, and gives all to OWNER.
# For docker-compose.yaml. What is there already stays: the certificate is as old as its volume, and good for ten years.
#
# usage: [OWNER=UID:GID] [HOST_NAME=name] prepare-volumes.sh TLS_FOLDER [FOLDER...]
set -eu

host=${HOST_NAME:-aws}
tls=${1:?"name a folder for the certificate: prepare-volumes.sh TLS_FOLDER [FOLDER...]"}
umask 077
for folder; do
  [ -d "$folder" ] || mkdir -p "$folder"
done

if [ ! -s "$tls/aws.pem" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=CALI local development" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign" \
    -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$host" \
    -keyout "$scratch/aws.key" -out "$scratch/aws.csr" 2>/dev/null
  printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' \
    "$host" >"$scratch/extensions"
  openssl x509 -req -days 3650 -in "$scratch/aws.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" \
    -CAcreateserial -extfile "$scratch/extensions" -out "$scratch/aws.pem" 2>/dev/null
  chmod 0644 "$scratch/ca.pem"
  # The key of the authority is thrown away: nobody can sign another certificate that the containers would trust.
  mv "$scratch/ca.pem" "$scratch/aws.key" "$tls/"
  mv "$scratch/aws.pem" "$tls/" # last: its presence says that the others are there
fi

if [ -n "${OWNER:-}" ]; then
  chown -R "$OWNER" "$@"
fi
