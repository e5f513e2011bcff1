"""Who may do what, and how much of it: decided by the head of a request, before its body is read.

a request -> forwarded -> rules -> middleware
                           ^
   keys, origins, cors, rate_limits

rules         where all is open, and what needs a key with which scope
keys          API keys, kept as digests, read again when their file changes
origins       the names of this service, and its own web pages
cors          pages of other origins that may call
rate_limits   a token bucket for each caller
forwarded     what a proxy says of a client, and the path prefix
"""
