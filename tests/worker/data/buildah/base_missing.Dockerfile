FROM 127.0.0.1:5998/x/missing:1
