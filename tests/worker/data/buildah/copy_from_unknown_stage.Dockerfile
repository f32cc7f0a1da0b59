FROM scratch
COPY --from=nostage /a /b
