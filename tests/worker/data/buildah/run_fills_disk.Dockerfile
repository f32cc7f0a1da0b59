FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","/bin/busybox dd if=/dev/zero of=/x bs=1M count=10"]
