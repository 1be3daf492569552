-- `days` says how many days of the month are in it. Four destinations in Puerto Rico and the Virgin Islands have no name in `airports`.
select
    f.dest,
    coalesce(airports.name, f.dest) as name,
    count(*) as flights,
    count(*) filter (where f.cancelled) as cancelled,
    round(avg(cast(f.arr_delay as double)), 1) as mean_arrival_delay,
    (select count(distinct clean_flights.date) from clean_flights) as days
from clean_flights as f
left join airports on f.dest = airports.faa
group by f.dest, airports.name
order by flights desc, f.dest
