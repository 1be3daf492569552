-- One row per flight that left. An hour without weather, or a day without a weather file, leaves its columns empty.
with
observed as (
    {% if inputs.weather %}
    select
        cast(time_hour as timestamp) as observed_hour,
        cast(nullif(wind_speed, 'NA') as double) as wind_speed,
        precip,
        visib
    from weather
    {% else %}
    select
        cast(null as timestamp) as observed_hour,
        cast(null as double) as wind_speed,
        cast(null as double) as precip,
        cast(null as double) as visib
    where false
    {% endif %}
),

-- How late each carrier was here, on the days before today only: today's delays are what is to be predicted.
lately as (
    select carrier, avg(cast(dep_delay as double)) as carrier_delay
    from week
    where week.date < {{ DATE }}
    group by carrier
)

select
    today.origin,
    today.dest,
    today.carrier,
    today.flight,
    today.dep_delay,
    today.hour,
    today.distance,
    lately.carrier_delay,
    observed.wind_speed,
    observed.precip,
    observed.visib
from today
left join lately on today.carrier = lately.carrier
left join observed on today.departure_hour = observed.observed_hour
where not today.cancelled
order by today.departure_hour, today.carrier, today.flight
