"""What services log when nothing is broken: INFO, DEBUG and the warnings that nobody reads.

Each statement in `WARN` is a distinct alarm too, although no fault: who counts alerts expects `FAULTS` and these.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Chatter:
    """One statement in the code of one service that logs now and then."""

    service: str
    level: Literal["DEBUG", "INFO", "WARN"]
    logger: str
    message: str
    weight: int = 10
    """How often, relative to the other statements of its level."""

    @property
    def id(self) -> str:
        """`noise/<service>/<logger's last part>/<level>`."""
        return f"noise/{self.service}/{self.logger.rpartition('.')[2]}/{self.level}"


_GATEWAY = "kr.co.moamall.gateway.access.AccessLog"
_CHECKOUT = "kr.co.moamall.checkout.service.CheckoutService"
_PAYMENT = "kr.co.moamall.payment.service.PaymentService"
_STOCK = "kr.co.moamall.inventory.stock.StockService"

INFO: tuple[Chatter, ...] = (
    Chatter("gateway", "INFO", _GATEWAY, "GET /api/v1/products/{sku} 200 {ms}ms client={ip}", 40),
    Chatter("gateway", "INFO", _GATEWAY, "POST /api/v1/orders 201 {ms}ms user={user} client={ip}", 15),
    Chatter("gateway", "INFO", _GATEWAY, "GET /api/v1/me/benefits 200 {ms}ms user={user}", 10),
    Chatter("checkout", "INFO", _CHECKOUT, "Order {order} placed by user={user} items={count} amount={amount}", 12),
    Chatter("checkout", "INFO", _CHECKOUT, "주문 접수 완료 주문번호={order} 상품={product} 금액={amount}원", 12),
    Chatter("checkout", "INFO", _CHECKOUT, "배송지 확인 수령인={name} 주소={address} 연락처={phone}", 4),
    Chatter("payment", "INFO", _PAYMENT, "Approved txId={tx} orderId={order} amount={amount} in {ms} ms", 12),
    Chatter("payment", "INFO", _PAYMENT, "결제 승인 완료 거래번호={tx} 주문번호={order} 금액={amount}원", 10),
    Chatter("inventory", "INFO", _STOCK, "Reserved sku={sku} quantity={count} for order={order}", 15),
    Chatter("inventory", "INFO", _STOCK, "재고 예약 상품={sku} 수량={count} 주문번호={order}", 10),
    Chatter("catalog", "INFO", "app.routers.products", "product page served sku={sku} ms={ms}", 25),
    Chatter("catalog", "INFO", "app.routers.search", "search finished hits={count} ms={ms} user={user}", 20),
    Chatter("notification", "INFO", "app.senders.email", "order mail sent to {email} order={order}", 10),
    Chatter("notification", "INFO", "app.senders.alimtalk", "알림톡 발송 완료 수신={phone} 주문번호={order}", 10),
    Chatter("auth", "INFO", "app.api.login", "login ok user={user} ip={ip}", 15),
    Chatter("auth", "INFO", "app.api.identity", "본인확인 완료 이름={name} 주민번호={rrn}", 2),
)

DEBUG: tuple[Chatter, ...] = (
    Chatter("gateway", "DEBUG", "kr.co.moamall.gateway.filter.HeaderFilter", "Authorization: Bearer {bearer}", 8),
    Chatter("checkout", "DEBUG", "kr.co.moamall.checkout.client.PaymentClient", "POST /v1/payments/{tx} took {ms} ms"),
    Chatter("payment", "DEBUG", "com.zaxxer.hikari.pool.HikariPool", "PaymentPool - Pool stats (waiting={waiting})"),
    Chatter("inventory", "DEBUG", "org.hibernate.SQL", "select s.quantity,s.version from stock s where s.sku=?"),
    Chatter("catalog", "DEBUG", "app.services.cache", "cache miss key=product:{sku}", 20),
    Chatter("catalog", "DEBUG", "app.services.search", "search engine answered: {page}", 1),
    Chatter("notification", "DEBUG", "aiokafka.consumer.fetcher", "Fetched offset {offset} of partition {partition}"),
    Chatter("auth", "DEBUG", "app.services.tokens", "issued token for user={user}: {bearer}", 6),
)

WARN: tuple[Chatter, ...] = (
    Chatter("gateway", "WARN", "kr.co.moamall.gateway.filter.RateLimitFilter", "Rate limit reached client={ip}"),
    Chatter("checkout", "WARN", "kr.co.moamall.checkout.cart.CartService", "장바구니 가격 변경 감지 상품={sku}"),
    Chatter("payment", "WARN", _PAYMENT, "Card declined txId={tx} card={card} reason=insufficient_funds"),
    Chatter("inventory", "WARN", _STOCK, "Low stock sku={sku} left={count}"),
    Chatter("inventory", "WARN", "kr.co.moamall.inventory.db.SlowQueryListener", "Slow query: {slow_ms} ms"),
    Chatter("catalog", "WARN", "app.services.search", "slow search ms={slow_ms} user={user}"),
    Chatter("notification", "WARN", "app.consumers.order_events", "consumer lag is {lag} on partition {partition}"),
    Chatter("auth", "WARN", "app.services.tokens", "rejected token of {email} from {ip}: Bearer {bearer}"),
    Chatter("auth", "WARN", "app.api.login", "로그인 실패 {email} ({ip}) password={password}"),
)
