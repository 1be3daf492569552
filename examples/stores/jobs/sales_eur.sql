-- The store's currency is a parameter of its formula.
select
    sales.sale,
    sales.product,
    sales.quantity,
    sales.quantity * sales.price / fx.per_euro as eur
from sales
join fx on fx.currency = {{ params.currency }}
order by sales.sale
