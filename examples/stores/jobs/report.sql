-- Rounded once, at the end.
select
    storeId as store,
    product,
    count(*) as sales,
    sum(quantity) as units,
    round(sum(eur), 2) as eur
from sales_eur
group by storeId, product
order by store, product
