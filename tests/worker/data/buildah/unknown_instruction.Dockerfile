FROM scratch
COPYY busybox /b
