-- One row per customer, as of the day: what a model can read is a number.
select
    Customers.customerID as customer_id,
    Customers.tenure,
    Customers.SeniorCitizen as senior,
    Billing.MonthlyCharges as monthly_charges,
    coalesce(cast(nullif(trim(Billing.TotalCharges), '') as double), 0) as total_charges,
    case when Billing.Contract = 'Month-to-month' then 1 else 0 end as month_to_month,
    case when Billing.PaymentMethod = 'Electronic check' then 1 else 0 end as electronic_check,
    case when SupportTickets.InternetService = 'Fiber optic' then 1 else 0 end as fiber,
    case when SupportTickets.TechSupport = 'Yes' then 1 else 0 end as tech_support
from Customers
join Billing on Customers.customerID = Billing.customerID
join SupportTickets on Customers.customerID = SupportTickets.customerID
order by customer_id
