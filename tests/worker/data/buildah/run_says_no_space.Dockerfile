FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","echo no space left on device; echo Error: no space left on device; exit 9"]
