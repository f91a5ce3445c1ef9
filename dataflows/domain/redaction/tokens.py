"""Secrets that are known by a shape of their own: keys and tokens of clouds and vendors."""

from typing import Final

from dataflows.domain.redaction.checks import looks_secret
from dataflows.domain.redaction.rule import rule

_START = r"(?:^|[^A-Za-z0-9])"

PRIVATE_KEY: Final = rule(
    "PRIVATE_KEY",
    "-----BEGIN ",
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*(?:-----END [A-Z0-9 ]{0,40}-----)?",
)
"""Spans lines: it is applied to the whole text, before all others. A key cut off ends the text."""

TOKENS: Final = (
    rule(
        "SLACK_WEBHOOK",
        r"hooks\.slack",
        r"https?:\\?/\\?/hooks\.slack(?:-gov)?\.com\\?/(?:services|workflows|triggers)\\?/[\w/\\+-]{10,200}",
    ),
    rule(
        "SLACK_TOKEN",
        r"xox[abceoprs][.-]|xapp-\d-|xwfp-",
        r"(?<![A-Za-z0-9])(?:xox[abceoprs](?:\.xox[bp])?-[\w-]{10,300}|xapp-\d-[\w-]{10,300}|xwfp-[\w-]{10,300})",
    ),
    rule(
        "JWT",
        r"eyJ[\w-]+\.[\w-]{6}",
        r"(?<![\w-])eyJ[\w-]{8,4000}\.eyJ[\w-]{4,8000}(?:\.[\w-]{0,4000}={0,2})?"
        r"|(?<![\w-])eyJ[\w-]{16,4000}\.[\w-]{16,8000}\.[\w-]{16,4000}(?:\.[\w-]{8,4000}){0,2}",
        anchor="eyJ",
    ),
    rule(
        "AWS_KEY",
        r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}|A3T[A-Z0-9]{17}|ABSK[A-Za-z0-9+/]{20}|bedrock-api-key-",
        r"(?<![A-Za-z0-9+/])(?:A(?:KI|SI|BI|CC)A[A-Z0-9]{16}|A3T[A-Z0-9]{17})(?![A-Za-z0-9])|ABSK[A-Za-z0-9+/]{60,300}={0,2}"
        r"|bedrock-api-key-[\w=+/-]{16,2000}",
    ),
    rule(
        "GITHUB_TOKEN",
        r"gh[pousr]_[A-Za-z0-9]{20}|github_pat_",
        r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})",
    ),
    rule(
        "GITLAB_TOKEN",
        r"gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas|ffct)-|GR1348941",
        r"(?<![A-Za-z0-9])(?:gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas|ffct)-[\w.-]{20,300}|GR1348941[\w-]{20,50})",
    ),
    rule(
        "OPENAI_KEY",
        _START + r"sk-[\w-]{20}",
        r"(?<![A-Za-z0-9-])sk-(?:(?:proj|svcacct|admin|ant-[a-z]{2,10}\d{0,4}|or-v1)-)?[\w-]{20,250}",
        looks_secret,
    ),
    rule(
        "STRIPE_KEY",
        r"[sr]k_(?:live|test|prod)_|whsec_",
        r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{20,100})",
    ),
    rule(
        "GOOGLE_KEY",
        r"AIza[\w-]{30}|ya29\.|GOCSPX-",
        r"(?<![A-Za-z0-9])(?:AIza[\w-]{30,40}|ya29\.[\w-]{20,500}|GOCSPX-[\w-]{20,60})",
    ),
    rule(
        "VENDOR_TOKEN",
        r"npm_[A-Za-z0-9]{30}|pypi-[\w-]{40}|SG\.[\w-]{16}|(?:hf|api_org)_[A-Za-z]{30}|do[opr]_v1_|shp(?:at|ca|pa|ss)_|hv[sbr]\.[\w-]{20}"
        r"|dapi[a-f0-9]{32}|NRAK-|glc_[A-Za-z0-9+/]{30}|glsa_|dckr_pat_|lin_api_|pul-[a-f0-9]{40}|ATATT3|\.atlasv1\.|figd_|(?:ntn|secret)_[A-Za-z0-9]{40}"
        r"|nvapi-|sntrys_|SK[0-9a-f]{32}|key-[0-9a-f]{32}|sq0(?:atp|csp)-|PMAK-|gsk_[A-Za-z0-9]{40}|pplx-|xai-[A-Za-z0-9]{40}|sbp_[0-9a-f]{40}|rubygems_"
        r"|AGE-SECRET-KEY-1|dp\.(?:pt|st|ct)\.|discord(?:app)?\.com/api/webhooks/",
        r"(?<![A-Za-z0-9_])(?:npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,250}|SG\.[\w-]{16,32}\.[\w-]{30,64}|(?:hf|api_org)_[A-Za-z]{30,44}|do[opr]_v1_[a-f0-9]{64}"
        r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|hv[sbr]\.[\w-]{20,300}|dapi[a-f0-9]{32}(?:-\d)?|NRAK-[A-Z0-9]{27}|glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
        r"|dckr_pat_[\w-]{20,60}|lin_api_[A-Za-z0-9]{40}|pul-[a-f0-9]{40}|ATATT3[\w=-]{50,250}|[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,80}|figd_[\w-]{20,60}|(?:ntn|secret)_[A-Za-z0-9]{43,50}"
        r"|nvapi-[\w-]{40,100}|sntrys_[\w=+/-]{40,300}|SK[0-9a-f]{32}(?!\w)|key-[0-9a-f]{32}(?!\w)|sq0(?:atp|csp)-[\w-]{22,60}|PMAK-[\w-]{40,80}|gsk_[A-Za-z0-9]{40,60}|pplx-[A-Za-z0-9]{40,60}"
        r"|xai-[A-Za-z0-9]{40,100}|sbp_[0-9a-f]{40}|rubygems_[0-9a-f]{48}|AGE-SECRET-KEY-1[A-Z0-9]{50,60}|dp\.(?:pt|st|ct)\.[A-Za-z0-9.]{40,60})"
        r"|discord(?:app)?\.com/api/webhooks/\d{10,25}/[\w-]{30,100}",
    ),
    rule(
        "URL_SIGNATURE",
        r"[?&](?:sig|X-Amz-Signature|X-Amz-Security-Token)=",
        r"[?&](?:sig|X-Amz-Signature|X-Amz-Security-Token)=(?P<secret>[\w%+/=-]{16,2000})",
    ),
    rule(
        "VAULT_TOKEN",
        r"(?:^|[^\w.])[sb]\.[A-Za-z0-9]{24}",
        r"[sb]\.(?<![\w.]..)[A-Za-z0-9]{24}(?![\w.])",
        looks_secret,
    ),
    rule("GRAFANA_KEY", "eyJrIjoi", r"(?<![\w-])eyJrIjoi[\w+/=]{40,500}"),
    rule("TELEGRAM_TOKEN", r"\d{8}:A[\w-]{34}", r"\d(?<!\d\d)\d{7,9}:A[A-Za-z0-9_-]{34}(?![\w-])"),
)
"""Public prefixes of the vendors; the lengths are minima seen in their documents and in gitleaks' rules (MIT)."""
