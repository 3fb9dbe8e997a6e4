#!/bin/sh
# Adapts deploy/nginx/coursewright.conf, as it says itself, when nginx's container
# starts. With certificates in /etc/nginx/tls it answers https and leads http there.
# It takes no arguments: some versions of the container's entry point read scripts
# like this one with arguments of their own.
set -eu
to=${CONF_DIR:-/etc/nginx/conf.d}
tls=${TLS:-/etc/nginx/tls}
listen='listen 80;'
if [ -s "$tls/fullchain.pem" ]; then
	listen="listen 443 ssl; ssl_certificate $tls/fullchain.pem; ssl_certificate_key $tls/privkey.pem;"
	cat >"$to/redirect.conf" <<CONF
server {
    listen 80;
    server_name $SERVER_NAME;
    location / { return 301 https://\$host\$request_uri; }
}
CONF
fi
sed -e "s|127\.0\.0\.1:8070|$UPSTREAM|" \
	-e "s|gitmanager\.example\.org|$SERVER_NAME|" \
	-e "s|https://plus\.example\.org|$FRONTEND_URL|" \
	-e "s|^    listen 80;|    $listen|" \
	"${CONF:-/coursewright.conf}" >"$to/default.conf"
