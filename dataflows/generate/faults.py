"""The eight fault scenarios, and the faults that they cause in each service.

A fault is one root cause as one service reports it: a (scenario, service) pair. There are sixteen: ten roots, and six
that follow in services further up the call chain. `ROOTS` and `FAULTS` are the truth that alerts are counted against.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Scenario = Literal[
    "pool-exhausted",
    "out-of-memory",
    "upstream-timeout",
    "deadlock",
    "kafka-rebalance",
    "redis-refused",
    "certificate-expired",
    "null-after-deploy",
]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)


@dataclass(frozen=True, slots=True)
class Fault:
    """How one service reports one scenario."""

    scenario: Scenario
    service: str
    logger: str
    messages: tuple[str, ...]
    """Templates; one is drawn for each record. More than one only where a trace identifies the fault."""
    traced: bool = True
    """Has a stack trace: `templates/<scenario>.<service>.txt`."""
    level: Literal["ERROR", "FATAL"] = "ERROR"
    followers: tuple["Fault", ...] = ()
    """What the same request causes in other services, in this order."""
    new_version_only: bool = False
    """Came with a deploy: pods of the old version never report it."""

    @property
    def id(self) -> str:
        """`<scenario>/<service>`."""
        return f"{self.scenario}/{self.service}"


_CHECKOUT = "kr.co.moamall.checkout.service.CheckoutService"
_GATEWAY = "kr.co.moamall.gateway.filter.UpstreamErrorFilter"

ROOTS: tuple[Fault, ...] = (
    Fault(
        scenario="pool-exhausted",
        service="payment",
        logger="kr.co.moamall.payment.api.PaymentExceptionHandler",
        messages=(
            "Payment {order} failed: no connection in jdbc:mysql://db-payment:3306/payment?password={password}",
            "결제 승인 처리 실패 주문번호={order} 거래번호={tx}: DB 커넥션을 얻지 못했습니다 (대기 {waiting}건)",
        ),
        followers=(
            Fault(
                scenario="pool-exhausted",
                service="checkout",
                logger=_CHECKOUT,
                messages=("Order {order} of user={user} could not be paid: payment answered 503",),
            ),
        ),
    ),
    Fault(
        scenario="pool-exhausted",
        service="auth",
        logger="app.api.login",
        level="FATAL",
        messages=("Login of {email} from {ip} failed: no database connection",),
    ),
    Fault(
        scenario="out-of-memory",
        service="checkout",
        logger="o.a.c.c.C.[.[.[/].[dispatcherServlet]",
        messages=("Servlet.service() for servlet [dispatcherServlet] threw exception while exporting for user={user}",),
        followers=(
            Fault(
                scenario="out-of-memory",
                service="gateway",
                logger=_GATEWAY,
                messages=("Connection reset by peer: route=checkout path=/api/v1/orders/export status=502",),
                traced=False,
            ),
        ),
    ),
    Fault(
        scenario="upstream-timeout",
        service="payment",
        logger="kr.co.moamall.payment.pg.PgClient",
        messages=(
            "PG 승인 요청 시간 초과 orderId={order} txId={tx} card={card} amount={amount}",
            "PG approval timed out orderId={order} txId={tx} card={card} amount={amount}",
        ),
        followers=(
            Fault(
                scenario="upstream-timeout",
                service="checkout",
                logger=_CHECKOUT,
                messages=("주문 {order} 결제 응답 없음, 상태를 PENDING 으로 둡니다", "Order {order} left PENDING"),
            ),
        ),
    ),
    Fault(
        scenario="deadlock",
        service="inventory",
        logger="kr.co.moamall.inventory.stock.StockService",
        messages=(
            "Reservation rolled back orderId={order} sku={sku} quantity={count}",
            "재고 예약 롤백 주문번호={order} 상품={sku} 수량={count}",
        ),
    ),
    Fault(
        scenario="kafka-rebalance",
        service="notification",
        logger="app.worker",
        messages=("order-events consumer stopped: partition={partition} offset={offset} lag={lag}",),
    ),
    Fault(
        scenario="redis-refused",
        service="inventory",
        logger="kr.co.moamall.inventory.api.ErrorAdvice",
        messages=("Stock lookup failed sku={sku} user={user} ip={ip}", "재고 조회 실패 상품={sku} 사용자={user}"),
        followers=(
            Fault(
                scenario="redis-refused",
                service="checkout",
                logger="kr.co.moamall.checkout.client.InventoryClient",
                messages=("Stock of {sku} unknown, order {order} of user={user} refused",),
            ),
            Fault(
                scenario="redis-refused",
                service="gateway",
                logger=_GATEWAY,
                messages=("Response took longer than timeout: route=checkout path=/api/v1/orders status=504",),
                traced=False,
            ),
        ),
    ),
    Fault(
        scenario="certificate-expired",
        service="auth",
        logger="app.api.oidc",
        messages=(
            "Token exchange with login.idp.example.com failed for {email}: client_secret={client_secret}",
            "외부 로그인 실패 {email} ({ip}): 인증서 검증 오류, client_secret={client_secret}",
        ),
        followers=(
            Fault(
                scenario="certificate-expired",
                service="gateway",
                logger=_GATEWAY,
                messages=("Social login unavailable: route=auth path=/api/v1/oidc/callback status=500",),
                traced=False,
            ),
        ),
    ),
    Fault(
        scenario="null-after-deploy",
        service="catalog",
        logger="uvicorn.error",
        messages=("Exception in ASGI application sku={sku} user={user}",),
        new_version_only=True,
    ),
    Fault(
        scenario="null-after-deploy",
        service="gateway",
        logger="org.springframework.boot.autoconfigure.web.reactive.error.AbstractErrorWebExceptionHandler",
        messages=('500 Server Error for HTTP GET "/api/v1/me/benefits" Authorization: Bearer {bearer}',),
        new_version_only=True,
    ),
)

FAULTS: tuple[Fault, ...] = tuple(fault for root in ROOTS for fault in (root, *root.followers))
"""Every distinct fault that a run can inject."""
