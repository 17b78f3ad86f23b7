#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml mounts: each is random, and a file that exists is never touched.
# Usage: ops/deploy/secrets.sh [folder]      (default: secrets/ in the repository; PUBLIC_NAME names the certificate)
#
# The folder is closed to everybody else (0700). The files in it are readable (0444), because compose mounts a secret
# with the mode and owner it has here, and each image reads it as a user of its own. Only nginx reads the key of the
# certificate, as root: it is 0400.
set -euo pipefail
umask 077

folder=${1:-"$(dirname "$0")/../../secrets"}
public_name=${PUBLIC_NAME:-localhost}
webhook_url=${ALERT_WEBHOOK_URL:-http://127.0.0.1:9/}
heartbeat_url=${ALERT_HEARTBEAT_URL:-http://127.0.0.1:9/}

mkdir -p "$folder"
chmod 0700 "$folder"
cd "$folder"

# keep NAME [MODE]: standard input becomes the file, unless there is one.
keep() {
    local name=$1 mode=${2:-0444} fresh
    fresh=$(mktemp ".$name.XXXXXX")
    cat > "$fresh"
    if [[ ! -s $fresh ]]; then
        rm -f "$fresh"
        echo "secrets: nothing to write into $name" >&2
        return 1
    fi
    chmod "$mode" "$fresh"
    # -n: whoever was faster has made it.
    mv -n "$fresh" "$name" || true
    if [[ -e $fresh ]]; then
        rm -f "$fresh"
    else
        echo "made $name"
    fi
}

# 256 bits in hexadecimal: safe in an address, in SQL, in YAML and in JSON.
random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

digest() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

password() { [[ -e $1 ]] || random | keep "$1"; }

postgres_secrets() {
    password postgres_password
    password postgres_application_password
    password postgres_exporter_password
    [[ -e database_url ]] \
        || printf 'postgresql://switchyard:%s@postgres:5432/switchyard' "$(< postgres_application_password)" | keep database_url
}

# redis_secrets ROLE: the address that the application uses, and the server's users. `switchyard` may do everything but
# administer; `exporter` may read figures; `health` has no password and may only ping.
redis_secrets() {
    local role=$1 host="redis-$1" application exporter
    if [[ -e ${role}_url ]]; then
        application=$(sed -E 's#^redis://switchyard:([^@]*)@.*$#\1#' "${role}_url")
    else
        application=$(random)
        printf 'redis://switchyard:%s@%s:6379/0' "$application" "$host" | keep "${role}_url"
    fi
    password redis_exporter_password
    exporter=$(< redis_exporter_password)
    [[ -e redis_${role}_users ]] || keep "redis_${role}_users" << EOF
user default off
user switchyard on #$(digest "$application") ~* &* +@all -@dangerous
user exporter on #$(digest "$exporter") ~* -@all +ping +info +select +config|get +client|setname +slowlog|len +slowlog|get +latency|latest
user health on nopass -@all +ping
EOF
}

redis_exporter_secrets() {
    local word
    word=$(< redis_exporter_password)
    [[ -e redis_exporter_passwords ]] \
        || printf '{"redis://exporter@redis-cache:6379": "%s", "redis://exporter@redis-coordination:6379": "%s"}' "$word" "$word" \
        | keep redis_exporter_passwords
}

qdrant_secrets() {
    password qdrant_api_key
    [[ -e qdrant_config ]] || printf 'service:\n  api_key: "%s"\n' "$(< qdrant_api_key)" | keep qdrant_config
}

# A certificate that nobody trusts, so that the stack starts: put your own chain and key into its place.
certificate() {
    if [[ -e tls_certificate && -e tls_key ]]; then
        return
    elif [[ -e tls_certificate || -e tls_key ]]; then
        echo "secrets: tls_certificate and tls_key belong together, and only one is there" >&2
        return 1
    fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=${public_name%% *}" \
        -addext "subjectAltName=$(printf 'DNS:%s,' $public_name | sed 's/,$//')" \
        -keyout .tls_key.new -out .tls_certificate.new 2> /dev/null
    keep tls_key 0400 < .tls_key.new
    keep tls_certificate < .tls_certificate.new
    rm -f .tls_key.new .tls_certificate.new
}

postgres_secrets
redis_secrets cache
redis_secrets coordination
redis_exporter_secrets
qdrant_secrets
password grafana_admin_password
[[ -e alert_webhook_url ]] || printf '%s' "$webhook_url" | keep alert_webhook_url
[[ -e alert_heartbeat_url ]] || printf '%s' "$heartbeat_url" | keep alert_heartbeat_url
certificate
echo "the secrets are in $PWD; those that were there before are unchanged"
