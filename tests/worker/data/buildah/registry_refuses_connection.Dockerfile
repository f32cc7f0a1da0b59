FROM localhost:5999/nope:1
