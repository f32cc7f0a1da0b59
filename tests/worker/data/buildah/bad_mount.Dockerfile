FROM scratch
RUN --mount=type=nonsense,target=/x true
