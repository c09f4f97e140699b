"""What a file of customers may tell, the headers it uses for that, and the exports known by heart."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.imports.fields import Field, Kind, Preset

# In the order of the customer's own columns; the first that recognise somebody come first.
FIELDS = (
    Field(
        "number",
        _("Number here"),
        Kind.REFERENCE,
        max_chars=20,
        synonyms=("guanxi id", "customer number here"),
        vague=("id",),
        help=_("The number that this shop's own export writes. It names a known customer, never a new one."),
    ),
    Field(
        "email",
        _("E-mail"),
        Kind.EMAIL,
        max_chars=320,
        synonyms=(
            *("email", "e-mail", "email address", "e-mail address", "mail", "contact email"),
            *("邮箱", "电子邮箱", "电子邮件", "电邮", "信箱", "電子郵件", "客户邮箱", "会员邮箱"),
        ),
    ),
    Field(
        "phone",
        _("Phone"),
        Kind.REFERENCE,
        max_chars=60,
        synonyms=(
            *("phone", "mobile", "telephone", "phone number", "mobile phone", "cell", "tel"),
            *("手机", "手机号", "手机号码", "电话", "联系电话", "手機", "電話", "聯絡電話", "会员手机"),
        ),
    ),
    Field(
        "name",
        _("Name"),
        Kind.TEXT,
        max_chars=200,
        synonyms=(
            *("full name", "customer name", "display name", "contact name", "nickname"),
            *("姓名", "客户姓名", "会员姓名", "顾客姓名", "真实姓名", "联系人", "昵称", "客戶姓名"),
        ),
        vague=("name", "customer", "名称", "名字"),
    ),
    Field(
        "given_name",
        _("Given name"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("first name", "given name", "firstname", "forename"),
        vague=("名",),
    ),
    Field(
        "family_name",
        _("Family name"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("last name", "family name", "surname", "lastname"),
        vague=("姓", "姓氏"),
    ),
    Field("kind", _("Kind"), Kind.TEXT, max_chars=40, synonyms=("customer type", "客户类型", "顾客类型")),
    Field("stage", _("Stage"), Kind.TEXT, max_chars=40, synonyms=("lifecycle stage", "阶段", "客户阶段")),
    Field(
        "company",
        _("Company"),
        Kind.TEXT,
        max_chars=200,
        synonyms=("company name", "organization", "organisation", "公司", "公司名称", "单位", "企业名称"),
    ),
    Field("language", _("Language"), Kind.TEXT, max_chars=40, synonyms=("locale", "语言", "語言")),
    Field("time_zone", _("Time zone"), Kind.TEXT, max_chars=60, synonyms=("timezone", "时区", "時區")),
    Field(
        "birthday_on",
        _("Birthday"),
        Kind.DATE,
        synonyms=("birth date", "date of birth", "dob", "birthday", "生日", "出生日期", "出生年月日"),
    ),
    Field(
        "country",
        _("Country"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("country code", "国家", "國家", "国家/地区"),
    ),
    Field(
        "region",
        _("Province or region"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("province", "state", "region", "province code", "county", "省份", "省", "地区", "省市"),
    ),
    Field("city", _("City"), Kind.TEXT, max_chars=100, synonyms=("town", "城市", "市", "所在城市")),
    Field(
        "district",
        _("District"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("区县", "区", "区/县", "區", "suburb"),
    ),
    Field(
        "address",
        pgettext_lazy("street and house", "Address"),
        Kind.TEXT,
        max_chars=300,
        synonyms=("street", "address1", "address line 1", "street address", "详细地址", "地址", "收货地址"),
    ),
    Field(
        "address2",
        _("Address, second line"),
        Kind.TEXT,
        max_chars=300,
        synonyms=("address2", "address line 2", "apartment"),
    ),
    Field(
        "postal_code",
        _("Postal code"),
        Kind.REFERENCE,
        max_chars=20,
        synonyms=("zip", "zip code", "postcode", "postal code", "邮编", "邮政编码", "郵遞區號"),
    ),
    Field("grade", _("Grade"), Kind.TEXT, max_chars=20, synonyms=("会员等级", "客户等级", "级别", "等级")),
    Field(
        "tags",
        _("Tags"),
        Kind.TEXT,
        max_chars=2_000,
        synonyms=("tag", "labels", "标签", "客户标签", "標籤"),
        help=_("Several are separated by commas or semicolons."),
    ),
    Field(
        "owner",
        pgettext_lazy("who looks after a customer", "Owner"),
        Kind.EMAIL,
        max_chars=254,
        synonyms=("owner email", "account manager", "sales rep", "负责人邮箱"),
        vague=("owner", "负责人"),
        help=_("The e-mail address of somebody who works here."),
    ),
    Field(
        "note", _("Note"), Kind.TEXT, max_chars=5_000, synonyms=("notes", "remark", "comment", "备注", "備註")
    ),
    Field(
        "email_marketing",
        _("Allows marketing by e-mail"),
        Kind.FLAG,
        synonyms=(
            *(
                "accepts email marketing",
                "accepts marketing",
                "email consent",
                "email subscribed",
                "newsletter",
            ),
            *("email marketing", "邮件订阅", "同意邮件营销", "接受邮件营销"),
        ),
    ),
    Field(
        "sms_marketing",
        _("Allows marketing by SMS"),
        Kind.FLAG,
        synonyms=(
            "accepts sms marketing",
            "sms consent",
            "sms subscribed",
            "短信订阅",
            "同意短信营销",
            "接受短信营销",
        ),
    ),
    Field(
        "consent_at",
        _("Answered at"),
        Kind.INSTANT,
        synonyms=(
            "consent date",
            "opt in date",
            "optin time",
            "subscribed at",
            "confirm time",
            "授权时间",
            "订阅时间",
        ),
        help=_("When they said so; without it the answer counts from the import on."),
    ),
    Field(
        "created_at",
        _("Customer since"),
        Kind.INSTANT,
        synonyms=(
            "created at",
            "date created",
            "registered at",
            "sign up date",
            "注册时间",
            "创建时间",
            "入会时间",
        ),
    ),
)
BY_KEY = {field.key: field for field in FIELDS}

PRESETS = (
    Preset(
        "shopify-customers",
        _("Shopify's export of customers"),
        columns={
            "email": ("Email",),
            "phone": ("Phone",),
            "given_name": ("First Name",),
            "family_name": ("Last Name",),
            "company": ("Default Address Company", "Company"),
            "address": ("Default Address Address1", "Address1"),
            "address2": ("Default Address Address2", "Address2"),
            "city": ("Default Address City", "City"),
            "region": ("Default Address Province Code", "Province Code", "Province"),
            "country": ("Default Address Country Code", "Country Code", "Country"),
            "postal_code": ("Default Address Zip", "Zip"),
            "email_marketing": ("Accepts Email Marketing", "Accepts Marketing"),
            "sms_marketing": ("Accepts SMS Marketing",),
            "tags": ("Tags",),
            "note": ("Note",),
        },
        options={"date_order": "dmy", "decimal_sign": "."},
    ),
    Preset(
        "mailchimp",
        _("Mailchimp's audience"),
        columns={
            "email": ("Email Address",),
            "given_name": ("First Name",),
            "family_name": ("Last Name",),
            "consent_at": ("OPTIN_TIME",),
            "tags": ("TAGS",),
        },
        options={"date_order": "dmy", "decimal_sign": "."},
    ),
)
