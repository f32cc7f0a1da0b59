FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","/bin/busybox mkdir -p /etc && echo hi > /etc/x && /bin/busybox id"]
CMD ["/bin/busybox","cat","/etc/x"]
