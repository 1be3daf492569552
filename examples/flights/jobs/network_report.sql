-- Late means more than 15 minutes after schedule, as airlines count it.
select
    f.airport,
    airlines.name as airline,
    count(*) as flights,
    count(*) filter (where f.cancelled) as cancelled,
    count(*) filter (where f.dep_delay > 15) as late,
    round(avg(cast(f.dep_delay as double)), 1) as mean_delay
from clean_flights as f
left join airlines on f.carrier = airlines.carrier
group by f.airport, airlines.name
order by f.airport, flights desc, airline
