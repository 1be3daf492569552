mod bad;
