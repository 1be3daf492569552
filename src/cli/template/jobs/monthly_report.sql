-- `daily_revenue` holds all days that were chosen; `date` says which day a row is from.
SELECT store, count(*) AS days, sum(revenue) AS revenue
FROM daily_revenue
GROUP BY store
HAVING sum(revenue) >= {{ params.smallest }}
ORDER BY revenue DESC, store
