"""What a file of orders may tell, the headers it uses for that, and the exports that are known by heart."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.imports.fields import Field, Kind, Preset

# One row is one line of an order; what belongs to the whole order may stand in each row or only in its first.
FIELDS = (
    Field(
        "order_ref",
        _("Order number"),
        Kind.REFERENCE,
        required=True,
        max_chars=100,
        synonyms=(
            *(
                "order no",
                "order id",
                "order",
                "invoice",
                "invoice no",
                "reference",
                "name",
                "transaction id",
            ),
            *("订单号", "订单编号", "订单ID", "主订单编号", "訂單編號", "訂單號碼", "交易号", "单号"),
        ),
        help=_("Rows with the same number are one order."),
    ),
    Field(
        "placed_at",
        _("Ordered at"),
        Kind.INSTANT,
        required=True,
        synonyms=(
            *(
                "created at",
                "order date",
                "date",
                "date created",
                "invoice date",
                "purchase date",
                "placed at",
            ),
            *("下单时间", "订单创建时间", "创建时间", "订单时间", "日期", "下單時間", "訂單日期", "成交时间"),
        ),
    ),
    Field(
        "customer_ref",
        _("Customer number"),
        Kind.REFERENCE,
        synonyms=(
            *("customer id", "customer no", "customer", "member id", "user id", "buyer id", "client id"),
            *("客户编号", "会员号", "会员编号", "会员ID", "客户ID", "买家ID", "會員編號", "客戶編號"),
        ),
        help=_("The shop's own number of the buyer."),
    ),
    Field(
        "email",
        _("Customer's e-mail"),
        Kind.EMAIL,
        max_chars=320,
        synonyms=(
            *("email", "e-mail", "customer email", "billing email", "buyer email", "contact email"),
            *("客户邮箱", "邮箱", "电子邮箱", "电子邮件", "买家邮箱", "客戶信箱", "電子郵件"),
        ),
    ),
    Field(
        "phone",
        _("Customer's phone"),
        Kind.REFERENCE,
        max_chars=40,
        synonyms=(
            *("phone", "mobile", "telephone", "billing phone", "shipping phone", "customer phone"),
            *("手机", "手机号", "电话", "联系电话", "客户手机", "收货人手机", "手機", "聯絡電話"),
        ),
    ),
    Field(
        "customer_name",
        _("Customer's name"),
        Kind.TEXT,
        max_chars=200,
        synonyms=(
            *(
                "customer name",
                "billing name",
                "buyer",
                "buyer name",
                "full name",
                "shipping name",
                "recipient",
            ),
            *("客户姓名", "姓名", "买家", "收货人", "收货人姓名", "会员名", "客戶姓名", "收件人"),
        ),
    ),
    Field(
        "sku",
        _("Product number (SKU)"),
        Kind.REFERENCE,
        max_chars=100,
        synonyms=(
            *(
                "sku",
                "stock code",
                "stockcode",
                "item sku",
                "lineitem sku",
                "product id",
                "product code",
                "item no",
            ),
            *("商品编码", "商品编号", "货号", "商家编码", "商品ID", "商品編號", "貨號"),
        ),
    ),
    Field(
        "title",
        _("Product"),
        Kind.TEXT,
        synonyms=(
            *("description", "lineitem name", "item name", "product name", "product", "item", "title"),
            *("商品名称", "商品", "宝贝标题", "商品标题", "产品名称", "品名", "商品名稱"),
        ),
    ),
    Field(
        "quantity",
        _("Quantity"),
        Kind.INTEGER,
        synonyms=(
            *("qty", "lineitem quantity", "item quantity", "units", "count", "quantity ordered"),
            *("数量", "商品数量", "购买数量", "宝贝数量", "數量", "件数"),
        ),
    ),
    Field(
        "unit_price",
        _("Price of one"),
        Kind.MONEY,
        synonyms=(
            *("price", "unit price", "lineitem price", "item cost", "item price", "price each"),
            *("单价", "商品单价", "价格", "成交单价", "單價", "價格"),
        ),
    ),
    Field(
        "line_discount",
        _("Discount on the line"),
        Kind.MONEY,
        synonyms=("lineitem discount", "item discount", "商品优惠", "单品优惠"),
    ),
    Field("category", _("Category"), Kind.TEXT, max_chars=120, synonyms=("类目", "分类", "商品分类", "分類")),
    Field(
        "currency",
        _("Currency"),
        Kind.CURRENCY,
        synonyms=("currency code", "order currency", "币种", "货币", "幣別"),
    ),
    Field(
        "discount",
        _("Discount on the order"),
        Kind.MONEY,
        synonyms=(
            "discount amount",
            "order discount",
            "cart discount amount",
            "优惠金额",
            "订单优惠",
            "折扣",
        ),
    ),
    Field(
        "shipping",
        _("Shipping"),
        Kind.MONEY,
        synonyms=("shipping amount", "order shipping amount", "freight", "postage", "运费", "邮费", "運費"),
    ),
    Field(
        "tax",
        _("Tax"),
        Kind.MONEY,
        synonyms=("taxes", "order total tax amount", "vat", "税费", "税额", "稅額"),
    ),
    Field(
        "total",
        _("Order total"),
        Kind.MONEY,
        synonyms=(
            *("order total", "order total amount", "grand total", "amount", "amount paid"),
            *("订单金额", "订单总额", "实付金额", "应付金额", "总金额", "訂單金額"),
        ),
        help=_("Without it the total is lines − discount + shipping + tax."),
    ),
    Field(
        "refunded",
        _("Refunded of the order"),
        Kind.MONEY,
        synonyms=("refunded amount", "order refund amount", "refund amount", "退款金额", "退款金額"),
    ),
    Field(
        "payment",
        _("Payment status"),
        Kind.TEXT,
        max_chars=60,
        synonyms=(
            "financial status",
            "payment status",
            "order status",
            "status",
            "支付状态",
            "付款状态",
            "订单状态",
        ),
    ),
    Field(
        "fulfilment",
        _("Delivery status"),
        Kind.TEXT,
        max_chars=60,
        synonyms=("fulfillment status", "fulfilment status", "shipping status", "发货状态", "物流状态"),
    ),
    Field("paid_at", _("Paid at"), Kind.INSTANT, synonyms=("paid date", "付款时间", "支付时间", "付款時間")),
    Field("cancelled_at", _("Cancelled at"), Kind.INSTANT, synonyms=("canceled at", "取消时间")),
    Field(
        "country",
        _("Country"),
        Kind.TEXT,
        max_chars=60,
        synonyms=("shipping country", "billing country", "country code", "国家", "國家"),
    ),
    Field(
        "city", _("City"), Kind.TEXT, max_chars=100, synonyms=("shipping city", "billing city", "城市", "市")
    ),
    Field(
        "region",
        _("Province or state"),
        Kind.TEXT,
        max_chars=100,
        synonyms=("shipping province", "state", "province", "省份", "省"),
    ),
    Field(
        "note", _("Note"), Kind.TEXT, max_chars=2000, synonyms=("notes", "customer note", "备注", "买家留言")
    ),
    Field(
        "updated_at",
        _("Changed at"),
        Kind.INSTANT,
        synonyms=("updated at", "date modified", "更新时间", "修改时间"),
        help=_("An order that is stored in a newer version is left alone."),
    ),
)
BY_KEY = {field.key: field for field in FIELDS}

LINE_FIELDS = ("sku", "title", "quantity", "unit_price", "line_discount", "category")
ORDER_FIELDS = tuple(
    field.key for field in FIELDS if field.key not in LINE_FIELDS and field.key != "order_ref"
)

PRESETS = (
    Preset(
        "online-retail",
        _("Online Retail ledger (invoices, C… cancellations, A… adjustments)"),
        columns={
            "order_ref": ("Invoice", "InvoiceNo"),
            "sku": ("StockCode",),
            "title": ("Description",),
            "quantity": ("Quantity",),
            "placed_at": ("InvoiceDate",),
            "unit_price": ("Price", "UnitPrice"),
            "customer_ref": ("Customer ID", "CustomerID"),
            "country": ("Country",),
        },
        options={
            "bookkeeping": "ledger",
            "time_zone": "Europe/London",
            "currency": "GBP",
            "duplicates": "once",
        },
    ),
    Preset(
        "shopify-export",
        _("Shopify order export"),
        columns={
            "order_ref": ("Name",),
            "email": ("Email",),
            "placed_at": ("Created at",),
            "quantity": ("Lineitem quantity",),
            "title": ("Lineitem name",),
            "unit_price": ("Lineitem price",),
            "sku": ("Lineitem sku",),
            "line_discount": ("Lineitem discount",),
            "currency": ("Currency",),
            "discount": ("Discount Amount",),
            "shipping": ("Shipping",),
            "tax": ("Taxes",),
            "total": ("Total",),
            "refunded": ("Refunded Amount",),
            "payment": ("Financial Status",),
            "fulfilment": ("Fulfillment Status",),
            "paid_at": ("Paid at",),
            "cancelled_at": ("Cancelled at",),
            "customer_name": ("Billing Name",),
            "phone": ("Phone",),
            "country": ("Shipping Country",),
            "city": ("Shipping City",),
            "region": ("Shipping Province",),
            "note": ("Notes",),
        },
        options={"bookkeeping": "orders", "duplicates": "keep"},
    ),
    Preset(
        "woocommerce-export",
        _("WooCommerce order export"),
        columns={
            "order_ref": ("Order Number", "Order ID"),
            "placed_at": ("Order Date",),
            "payment": ("Order Status",),
            "email": ("Email (Billing)",),
            "phone": ("Phone (Billing)",),
            "country": ("Country Code (Billing)", "Country Name (Billing)"),
            "city": ("City (Billing)",),
            "total": ("Order Total Amount",),
            "shipping": ("Order Shipping Amount",),
            "discount": ("Cart Discount Amount", "Discount Amount"),
            "tax": ("Order Total Tax Amount",),
            "refunded": ("Order Refund Amount",),
            "sku": ("SKU",),
            "title": ("Item Name",),
            "quantity": ("Quantity (- Refund)", "Quantity"),
            "unit_price": ("Item Cost",),
            "note": ("Customer Note",),
        },
        options={"bookkeeping": "orders", "duplicates": "keep"},
    ),
    Preset("generic", _("Another file: choose the columns"), options={"bookkeeping": "orders"}),
)

# What shops call the states of a payment; anything else is refused by name rather than guessed.
PAYMENT_WORDS = {
    "paid": (
        "paid",
        "completed",
        "complete",
        "processing",
        "authorized",
        "fulfilled",
        "已付款",
        "已支付",
        "交易成功",
        "已完成",
    ),
    "pending": (
        "pending",
        "unpaid",
        "on-hold",
        "on hold",
        "pending payment",
        "待付款",
        "未付款",
        "等待买家付款",
    ),
    "partly": ("partially_refunded", "partly refunded", "partially refunded", "部分退款"),
    "refunded": ("refunded", "已退款", "全额退款"),
    "voided": ("voided", "cancelled", "canceled", "failed", "expired", "已取消", "交易关闭", "已关闭"),
}
FULFILMENT_WORDS = {
    "open": ("unfulfilled", "pending", "unshipped", "未发货", "待发货"),
    "partial": ("partial", "partially fulfilled", "部分发货"),
    "shipped": ("fulfilled", "shipped", "已发货"),
    "delivered": ("delivered", "已签收", "已收货", "已完成"),
}
