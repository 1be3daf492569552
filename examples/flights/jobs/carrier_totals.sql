-- On the first day there is no yesterday, and its part of the text is left out.
with counted as (
    {% if inputs.yesterday %}
    select carrier, flights, cancelled, late, delay_minutes
    from yesterday
    union all
    {% endif %}
    select
        carrier,
        count(*) as flights,
        count(*) filter (where cancelled) as cancelled,
        count(*) filter (where dep_delay > 15) as late,
        coalesce(sum(dep_delay), 0) as delay_minutes
    from today
    group by carrier
)

select
    carrier,
    sum(flights) as flights,
    sum(cancelled) as cancelled,
    sum(late) as late,
    sum(delay_minutes) as delay_minutes
from counted
group by carrier
order by carrier
