using System.Security.Claims;
using System.Text;
using System.Text.Json;
using Metering.Service.Ingest;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service.Ui;

/// <summary>
/// The routes of the API, asked by pages within this process as the person who is signed in: the same figures, rules, scoping and audit as for every other client, without a second credential.
/// </summary>
public sealed class PageApi(IServiceScopeFactory scopes)
{
    /// <summary>As the API writes and reads.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private RequestDelegate? _run;

    private sealed class WithBody(bool canHaveBody) : IHttpRequestBodyDetectionFeature
    {
        public bool CanHaveBody => canHaveBody;
    }

    /// <summary>Takes the routes that pages may ask. Authorization of each route holds here too.</summary>
    internal void Open(WebApplication app, RequestDelegate onError)
    {
        var pipeline = new ApplicationBuilder(app.Services);
        pipeline.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = onError, SuppressDiagnosticsCallback = context => context.Exception is LedgerUnavailableException or BadHttpRequestException });
        pipeline.UseRouting();
        pipeline.UseAuthorization();
        pipeline.Use(Access.AccessSetup.ActAsync);
        pipeline.UseEndpoints(endpoints =>
        {
            foreach (var source in ((IEndpointRouteBuilder)app).DataSources) endpoints.DataSources.Add(source);
        });
        _run = pipeline.Build();
    }

    /// <summary>Reads a document. Throws <see cref="PageRefusedException"/> when the route refuses.</summary>
    public async Task<T> GetAsync<T>(ClaimsPrincipal user, string path, CancellationToken cancel) => (await SendAsync(user, HttpMethods.Get, path, null, cancel)).Read<T>();

    /// <summary>Asks a route, such as <c>/v1/tenants/acme</c> with its query. Texts within it are escaped by the caller.</summary>
    /// <param name="body">Sent as JSON; a string is JSON already. Null: none.</param>
    /// <param name="ifMatch"><see cref="PageAnswer.Tag"/> of what is to be changed; null: whatever it is. <c>""</c>: what must not be there yet.</param>
    public async Task<PageAnswer> SendAsync(ClaimsPrincipal user, string method, string path, object? body, CancellationToken cancel, string? ifMatch = null)
    {
        await using var scope = scopes.CreateAsyncScope();
        var cut = path.IndexOf('?', StringComparison.Ordinal);
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider, User = user, RequestAborted = cancel };
        var request = context.Request;
        (request.Method, request.Scheme, request.Host) = (method, "http", new HostString("localhost"));
        request.Path = PathString.FromUriComponent(cut < 0 ? path : path[..cut]);
        request.QueryString = new QueryString(cut < 0 ? "" : path[cut..]);
        request.Headers.Accept = "application/json";
        if (ifMatch is { Length: > 0 }) request.Headers.IfMatch = ifMatch;
        else if (ifMatch is not null) request.Headers.IfNoneMatch = "*";
        var sent = Encoding.UTF8.GetBytes(body switch { null => "", string text => text, _ => JsonSerializer.Serialize(body, Json) });
        context.Features.Set<IHttpRequestBodyDetectionFeature>(new WithBody(sent.Length > 0));
        if (sent.Length > 0)
        {
            request.Body = new MemoryStream(sent);
            (request.ContentType, request.ContentLength) = ("application/json", sent.Length);
        }

        using var answer = new MemoryStream();
        context.Response.Body = answer;
        await (_run ?? throw new InvalidOperationException("The routes are not open yet."))(context);
        await context.Response.CompleteAsync();
        return new PageAnswer(context.Response.StatusCode, Encoding.UTF8.GetString(answer.GetBuffer().AsSpan(0, (int)answer.Length)), context.Response.Headers.ETag.Count > 0 ? context.Response.Headers.ETag.ToString() : null);
    }
}
