"""What a file of companies may tell, and the headers that it uses for that."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.imports.fields import Field, Kind
from customers.importing.fields import BY_KEY as PEOPLE

FIELDS = (
    Field(
        "name",
        _("Company"),
        Kind.TEXT,
        required=True,
        max_chars=200,
        synonyms=(
            *("company name", "account name", "legal name", "organization", "organisation", "firm"),
            *("公司", "公司名称", "企业名称", "客户名称", "单位名称", "公司名稱"),
        ),
        vague=("name", "名称", "customer"),
    ),
    Field(
        "external_id",
        _("External id"),
        Kind.REFERENCE,
        max_chars=100,
        synonyms=(
            *("external id", "company id", "account id", "account number", "erp number", "code"),
            *("公司编号", "客户编号", "客户代码", "外部编号"),
        ),
        vague=("id", "编号"),
        help=_("The number that another system gives it; the surest way to recognise a company."),
    ),
    Field(
        "tax_number",
        _("Tax number"),
        Kind.REFERENCE,
        max_chars=40,
        synonyms=(
            *("vat", "vat number", "vat id", "tax id", "tin", "uscc", "usci"),
            *("税号", "纳税人识别号", "统一社会信用代码", "稅號"),
        ),
    ),
    Field(
        "registration_number",
        _("Registration number"),
        Kind.REFERENCE,
        max_chars=60,
        synonyms=("company number", "commercial register", "注册号", "营业执照号"),
    ),
    Field("kind", _("Kind"), Kind.TEXT, max_chars=40, synonyms=("company type", "公司类型", "客户类型")),
    Field(
        "parent",
        _("Stands below"),
        Kind.REFERENCE,
        max_chars=200,
        synonyms=(
            *("parent company", "parent account", "parent id", "holding", "head office"),
            *("上级公司", "母公司", "总公司", "所属公司"),
        ),
        help=_("The external id or the exact name of a company that is here or in the file."),
    ),
    Field(
        "credit_limit",
        _("Credit limit"),
        Kind.MONEY,
        synonyms=("credit line", "credit", "信用额度", "授信额度", "信用額度"),
    ),
    Field("currency", _("Currency"), Kind.CURRENCY, max_chars=3, synonyms=("currency code", "币种", "货币")),
    Field(
        "payment_days",
        _("Days to pay"),
        Kind.INTEGER,
        synonyms=(
            *("payment terms", "payment term", "net days", "terms", "credit days"),
            *("账期", "付款天数", "付款期限", "帳期"),
        ),
    ),
    Field(
        "price_group",
        _("Price group"),
        Kind.TEXT,
        max_chars=60,
        synonyms=("price list", "price level", "价格组", "价格等级"),
    ),
    Field(
        "website", _("Website"), Kind.TEXT, max_chars=300, synonyms=("web", "url", "homepage", "网站", "官网")
    ),
    Field(
        "email",
        _("E-mail"),
        Kind.TEXT,
        max_chars=320,
        synonyms=("company email", "office email", "公司邮箱", "邮箱", "电子邮件"),
    ),
    Field(
        "phone",
        _("Phone"),
        Kind.REFERENCE,
        max_chars=60,
        synonyms=("company phone", "telephone", "switchboard", "公司电话", "电话", "座机"),
    ),
    *(PEOPLE[key] for key in ("country", "region", "city", "tags", "owner")),
    Field(
        "contact_name",
        _("Contact: name"),
        Kind.TEXT,
        max_chars=200,
        synonyms=("contact", "contact person", "联系人", "联系人姓名", "聯絡人"),
    ),
    Field(
        "contact_email",
        _("Contact: e-mail"),
        Kind.TEXT,
        max_chars=320,
        synonyms=("contact e-mail", "联系人邮箱", "聯絡人郵箱"),
    ),
    Field(
        "contact_phone",
        _("Contact: phone"),
        Kind.REFERENCE,
        max_chars=60,
        synonyms=("contact mobile", "联系人电话", "联系人手机", "聯絡人電話"),
    ),
    Field(
        "contact_roles",
        _("Contact: role"),
        Kind.TEXT,
        max_chars=200,
        synonyms=("contact role", "联系人角色", "角色"),
        help=_("buyer, payable, decides, logistics, technical, sales, legal or other; several by commas."),
    ),
    Field(
        "contact_title",
        _("Contact: position"),
        Kind.TEXT,
        max_chars=120,
        synonyms=("contact title", "job title", "position", "职务", "职位"),
    ),
    Field(
        "contact_first",
        _("Contact: speaks first"),
        Kind.FLAG,
        synonyms=("primary contact", "main contact", "主联系人", "首要联系人"),
    ),
)
