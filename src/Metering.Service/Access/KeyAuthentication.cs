using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Metering.Service.Access;

/// <summary>Reads <c>Authorization: Bearer KEY</c>.</summary>
internal sealed class KeyAuthentication(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, KeyRing keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string Name = "Key";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Credential.Bearer(Request) is not { } text) return AuthenticateResult.NoResult();
        var key = await keys.FindGivenAsync(text, Context.RequestAborted);
        return key is null
            ? AuthenticateResult.Fail("The key is unknown, expired or revoked.")
            : AuthenticateResult.Success(new AuthenticationTicket(Caller.Principal(key, Name), Name));
    }
}
