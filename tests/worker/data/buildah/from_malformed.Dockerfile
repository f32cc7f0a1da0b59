FROM scratch AS
RUN --mount=foo=bar x
