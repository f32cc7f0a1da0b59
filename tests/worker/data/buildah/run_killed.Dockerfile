FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","kill -9 $$"]
