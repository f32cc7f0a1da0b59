FROM scratch
COPY busybox /bin/busybox
RUN ["/nope"]
