FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox","sh","-c","echo Close_Fd sealing memfd copy: Device or resource busy; exit 1"]
