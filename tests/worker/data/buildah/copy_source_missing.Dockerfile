FROM scratch
COPY nothere /x
