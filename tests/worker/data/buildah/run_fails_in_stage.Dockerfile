FROM scratch AS one
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","exit 5"]
FROM scratch
COPY --from=one /bin/busybox /x
