# SPDX-License-Identifier: Apache-2.0
# docker build -t axfwd . && docker run --network host --privileged -v axfw:/var/lib/axfw \
#   -e AXIOM_MASTER_KEY=… -e AXIOM_FIREWALL_SESSION_SECRET=… -e AXFW_INTERFACE=eth0 axfwd
# The programs attach to the namespace the container runs in: behind a bridge they see the container's own veth.
FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /src
COPY . .
RUN tools/deps.sh build && make -j"$(nproc)" all && make install DESTDIR=/out PREFIX=/usr

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
	libbpf1 libelf1 zlib1g libmicrohttpd12 libsqlite3-0 libssl3 libargon2-1 libvectorscan5 libjansson4 \
	libutf8proc2 libcurl4 libcap-ng0 libseccomp2 liburcu8 libpcre2-8-0 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/usr/ /usr/
ENV AXIOM_FIREWALL_TENANT_DIR=/var/lib/axfw \
    AXIOM_FIREWALL_LISTEN=0.0.0.0:8004
VOLUME /var/lib/axfw
EXPOSE 8004
ENTRYPOINT ["/usr/sbin/axfwd"]
