"""Secrets and personal values made up at random, in the formats that others give them."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Mapping
from random import Random

Maker = Callable[[Random], str]

WORD = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
DASH = WORD + "-_"


def of(alphabet: str, size: int, lead: str = "", tail: str = "") -> Maker:
    """Make values of `size` signs between a lead and a tail, with a digit among them."""

    def make(chance: Random) -> str:
        body = "".join(chance.choices(alphabet, k=size))
        at = chance.randrange(size - 2)
        return lead + body[:at] + str(chance.randrange(10)) + body[at + 1 :] + tail

    return make


def uuid(chance: Random) -> str:
    """Make a UUID."""
    return "-".join(of(HEX, size)(chance) for size in (8, 4, 4, 4, 12))


def jwt(chance: Random) -> str:
    """Make a signed JSON web token."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": uuid(chance), "iat": 1_767_000_000})
    coded = (base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
    return ".".join((*coded, of(DASH, 43)(chance)))


# Told by their form alone.
FORMED: Mapping[str, Maker] = {
    "anthropic": of(DASH, 93, "sk-ant-api03-", "AA"),
    "openai": of(WORD, 40, "sk-proj-"),
    "openai_old": of(WORD, 48, "sk-"),
    "openrouter": of(HEX, 64, "sk-or-v1-"),
    "groq": of(WORD, 52, "gsk_"),
    "xai": of(WORD, 80, "xai-"),
    "replicate": of(WORD, 37, "r8_"),
    "perplexity": of(WORD, 48, "pplx-"),
    "huggingface": lambda c: "hf_" + "".join(c.choices(string.ascii_letters, k=34)),
    "langsmith": of(HEX, 32, "lsv2_pt_", "_0a1b2c3d4e"),
    "pinecone": of(WORD, 60, "pcsk_"),
    "github": of(WORD, 36, "ghp_"),
    "github_oauth": of(WORD, 36, "gho_"),
    "github_fine": of(WORD + "_", 82, "github_pat_"),
    "gitlab": of(DASH, 20, "glpat-"),
    "gitlab_runner": of(DASH, 20, "glrt-"),
    "gitlab_deploy": of(DASH, 20, "gldt-"),
    "npm": of(LOWER, 36, "npm_"),
    "pypi": of(DASH, 60, "pypi-AgEIcHlwaS5vcmc"),
    "rubygems": of(HEX, 48, "rubygems_"),
    "docker": of(DASH, 27, "dckr_pat_"),
    "aws": of(UPPER, 16, "AKIA"),
    "aws_session": of(UPPER, 16, "ASIA"),
    "google": of(DASH, 35, "AIza"),
    "google_oauth": of(DASH, 28, "GOCSPX-"),
    "google_access": of(DASH, 60, "ya29."),
    "slack_bot": lambda c: f"xoxb-{c.randrange(10**11, 10**12)}-{of(WORD, 24)(c)}",
    "slack_app": lambda c: f"xapp-1-A{of(UPPER, 10)(c)}-{c.randrange(10**12)}-{of(HEX, 64)(c)}",
    "slack_hook": of(WORD, 24, "hooks.slack.com/services/T0123/B0456/"),
    "stripe": of(WORD, 24, "sk_live_"),
    "stripe_restricted": of(WORD, 24, "rk_test_"),
    "stripe_webhook": of(WORD, 32, "whsec_"),
    "square": of(DASH, 43, "sq0csp-"),
    "shopify": of(HEX, 32, "shpat_"),
    "shippo": of(HEX, 40, "shippo_live_"),
    "easypost": of(WORD, 54, "EZAK"),
    "sendgrid": lambda c: f"SG.{of(DASH, 22)(c)}.{of(DASH, 43)(c)}",
    "sendinblue": of(HEX, 64, "xkeysib-", "-a1b2c3d4e5f6g7h8"),
    "mailgun": of(HEX, 32, "key-"),
    "twilio": of(HEX, 32, "SK"),
    "digitalocean": of(HEX, 64, "dop_v1_"),
    "heroku": of(DASH, 60, "HRKU-AA"),
    "vercel_blob": of(WORD, 30, "vercel_blob_rw_"),
    "netlify": of(WORD, 36, "nfp_"),
    "fly": of(WORD, 43, "fo1_"),
    "cloudflare_ca": lambda c: f"v1.0-{of(HEX, 24)(c)}-{of(HEX, 146)(c)}",
    "databricks": of(HEX, 32, "dapi"),
    "planetscale": of(DASH, 43, "pscale_tkn_"),
    "supabase": of(HEX, 40, "sbp_"),
    "vault": of(DASH, 95, "hvs."),
    "doppler": of(WORD, 43, "dp.pt."),
    "dynatrace": lambda c: f"dt0c01.{of(UPPER, 24)(c)}.{of(UPPER, 64)(c)}",
    "grafana": of(WORD, 32, "glsa_", "_1a2b3c4d"),
    "grafana_cloud": of(WORD, 60, "glc_"),
    "newrelic": of(UPPER, 27, "NRAK-"),
    "sentry": of(HEX, 64, "sntryu_"),
    "posthog": of(WORD, 43, "phc_"),
    "linear": of(WORD, 40, "lin_api_"),
    "notion": of(WORD, 46, "ntn_"),
    "figma": of(DASH, 40, "figd_"),
    "postman": lambda c: f"PMAK-{of(HEX, 24)(c)}-{of(HEX, 34)(c)}",
    "airtable_prefix": of(HEX, 64, "patAbCdEfGhIjKlMn."),
    "typeform": of(DASH, 59, "tfp_"),
    "readme": of(LOWER, 70, "rdme_"),
    "pulumi": of(HEX, 40, "pul-"),
    "prefect": of(LOWER, 36, "pnu_"),
    "sonar": of(HEX, 40, "squ_"),
    "sourcegraph": of(HEX, 40, "sgp_"),
    "duffel": of(DASH, 43, "duffel_test_"),
    "flutterwave": of(HEX, 32, "FLWSECK_TEST-", "-X"),
    "plaid": lambda c: f"access-sandbox-{uuid(c)}",
    "onepassword": of(WORD, 250, "ops_eyJ"),
    "age": of(UPPER, 58, "AGE-SECRET-KEY-1"),
    "telegram": of(DASH, 33, "123456789:AA"),
    "facebook": of(WORD, 120, "EAAM"),
    "jwt": jwt,
}
# Told by the name before them: nothing in the value says what it is.
NAMED: Mapping[str, Maker] = {
    **dict.fromkeys(("algolia", "linear", "facebook", "finicity", "mailchimp"), of(HEX, 32)),
    **dict.fromkeys(("asana", "bittrex", "codecov", "flickr", "adafruit"), of(LOWER, 32)),
    **dict.fromkeys(("atlassian", "etsy", "looker", "kucoin"), of(LOWER, 24)),
    **dict.fromkeys(("hubspot", "squarespace", "snyk", "heroku", "wakatime"), uuid),
    **dict.fromkeys(("okta", "netlify", "zendesk", "datadog", "meraki"), of(DASH, 40)),
    **dict.fromkeys(("confluent", "airtable", "linkedin", "dropbox"), of(LOWER, 16)),
    **dict.fromkeys(("sumologic", "freshbooks", "bitbucket", "discord"), of(LOWER, 64)),
    **dict.fromkeys(("contentful", "intercom", "twitter", "trello"), of(DASH, 45)),
}


def digits_with_luhn(chance: Random, lead: str, size: int) -> str:
    """Make a card's digits."""
    body = lead + "".join(chance.choices(string.digits, k=size - len(lead) - 1))
    total = 0
    for at, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def card(chance: Random) -> str:
    """Make a card's number, in groups or not."""
    lead, size = chance.choice(
        (("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("35", 16))
    )
    number = digits_with_luhn(chance, lead, size)
    by = chance.choice(("", " ", "-"))
    groups = (4, 6, 5) if size == 15 else (4, 4, 4, 4)
    parts, at = [], 0
    for group in groups:
        parts.append(number[at : at + group])
        at += group
    return by.join(parts)


def iban(chance: Random) -> str:
    """Make an account's number with the right sum."""
    country, body = chance.choice(
        (
            (
                "GB",
                of(string.ascii_uppercase, 4)(chance)[:0]
                + "WEST"
                + "".join(chance.choices(string.digits, k=14)),
            ),
            ("DE", "".join(chance.choices(string.digits, k=18))),
            ("ES", "".join(chance.choices(string.digits, k=20))),
            ("NL", "ABNA" + "".join(chance.choices(string.digits, k=10))),
        )
    )
    number = int("".join(str(int(sign, 36)) for sign in body + country + "00"))
    whole = f"{country}{98 - number % 97:02}{body}"
    grouped = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return chance.choice((whole, grouped))


def phone(chance: Random) -> str:
    """Make a telephone number as people of several countries write it."""
    a, b, c = (
        chance.randrange(201, 990),
        chance.randrange(200, 1000),
        chance.randrange(1000, 10_000),
    )
    while a % 100 == 11 or a // 10 % 10 == 9:
        a = chance.randrange(201, 990)
    shape = chance.choice(
        (
            "({a}) 555-{c}",
            "{a}-555-{c}",
            "{a}.555.{c}",
            "+1 {a} 555 {c}",
            "1-{a}-555-{c}",
            "+44 20 7{b} {c}",
            "020 7{b} {c}",
            "07{b} {b}{b}",
            "06 12 34 56 78",
            "+33 6 12 34 {c}",
            "+49 30 {b}{c}",
            "+86 131 {c} {c}",
            "+91 98{b} {c}1",
            "+5511 9{c}-{c}",
            "0489 25 37 29",
        )
    )
    return shape.format(a=a, b=b, c=c)


def email(chance: Random) -> str:
    """Make an e-mail address."""
    name = chance.choice(("ann.lee", "o.brien+x", "JANE_DOE", "j-p", "bob"))
    host = chance.choice(("example.org", "mail.clinic.co.uk", "proton.me"))
    return f"{name}{chance.randrange(100)}@{host}"


def birth(chance: Random) -> str:
    """Make a date of birth."""
    year, month, day = (
        chance.randrange(1930, 2020),
        chance.randrange(1, 13),
        chance.randrange(1, 29),
    )
    shape = chance.choice(
        (
            "{y}-{m:02}-{d:02}",
            "{m}/{d}/{y}",
            "{d:02}.{m:02}.{y}",
            "{d} April {y}",
            "April {d}, {y}",
            "{m}/{d}/{s:02}",
        )
    )
    return shape.format(y=year, m=month, d=day, s=year % 100)


def ssn(chance: Random) -> str:
    """Make a US social security number."""
    area, group, serial = (chance.randrange(1, most) for most in (899, 100, 10_000))
    return f"{area:03}-{group:02}-{serial:04}"


def record(chance: Random) -> str:
    """Make a medical record's number."""
    return chance.choice(("", "A", "MR-", "E")) + str(chance.randrange(10**6, 10**10))
