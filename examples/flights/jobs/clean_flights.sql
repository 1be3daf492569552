-- Numbers are numbers, what did not happen is null. `departure_hour` is the scheduled hour in UTC, as weather counts hours too.
select
    carrier,
    flight,
    nullif(tailnum, 'NA') as tailnum,
    origin,
    dest,
    distance,
    hour,
    cast(time_hour as timestamp) as departure_hour,
    cast(nullif(dep_delay, 'NA') as int) as dep_delay,
    cast(nullif(arr_delay, 'NA') as int) as arr_delay,
    dep_time = 'NA' as cancelled
from flights
order by departure_hour, carrier, flight
