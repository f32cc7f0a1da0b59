FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
RUN echo a && \
    exit 3
