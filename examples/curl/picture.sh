#!/bin/sh
# Registers an end user with curl, creates a picture, waits for it and downloads it.
# Usage: sh picture.sh [photo.png]   with the .env that `npm start` prints, exported (see README.md).
set -eu

: "${NEXT_PUBLIC_API_URL:?Export the .env that npm start prints, for example: set -a; . ./.env; set +a}"
: "${DEVKIT4AI_DEVELOPER_KEY:?}" "${DEVKIT4AI_PROJECT_ID:?}" "${DEVKIT4AI_PROJECT_KEY:?}"
api="$NEXT_PUBLIC_API_URL/api/v1"

# Every request has the app's keys, and the user's token after the registration. A refusal ends the script with its sentence.
call() {
  answer=$(curl --silent --show-error --fail-with-body \
    -H "X-Developer-Key: $DEVKIT4AI_DEVELOPER_KEY" \
    -H "X-Project-ID: $DEVKIT4AI_PROJECT_ID" \
    -H "X-API-Key: $DEVKIT4AI_PROJECT_KEY" \
    ${token:+-H "Authorization: Bearer $token"} "$@") || {
    printf '%s\n' "$answer" | field detail >&2
    exit 1
  }
  printf '%s\n' "$answer"
}

# The text of a field of a JSON answer. A real program uses a JSON parser; this works in a shell without jq.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# A create may be repeated with its key. It returns the same generation, which is charged once.
key="picture-$(date +%s)-$$"

registered=$(call "$api/auth/register" -H 'Content-Type: application/json' \
  -d "{\"email\":\"$key@example.com\",\"password\":\"Correct-horse-9\"}")
token=$(printf '%s\n' "$registered" | field access_token)
echo "registered $key@example.com"

if [ $# -gt 0 ]; then
  created=$(call "$api/generation/generate-v2" -H "Idempotency-Key: $key" \
    -F 'instructions=Turn this into a watercolour' -F "files=@$1")
else
  created=$(call "$api/generation/generate-v2" -H "Idempotency-Key: $key" \
    -H 'Content-Type: application/json' -d '{"prompt":"A lighthouse in a storm"}')
fi
id=$(printf '%s\n' "$created" | field id)
echo "asked for $id"

status=pending
while [ "$status" = pending ] || [ "$status" = processing ]; do
  # The server answers when the picture is finished, or after 25 seconds.
  generation=$(call "$api/generation/$id/status?wait=25")
  status=$(printf '%s\n' "$generation" | field status)
  echo "$status"
done
[ "$status" = completed ] || { printf '%s\n' "$generation" | field error >&2; exit 1; }

curl --silent --show-error --fail --location --output picture.png "$(printf '%s\n' "$generation" | field generated_image_url)"
echo "wrote picture.png"
