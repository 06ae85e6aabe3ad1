using System.Collections.Frozen;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.Infrastructure;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;

namespace Metering.Service.Http;

/// <summary>
/// Refuses a query parameter that the route does not have, or that comes twice where it means one thing: a misspelt filter would otherwise be no filter, and its answer somebody else's bill.
/// What a route takes is what the API document says.
/// </summary>
internal sealed partial class QueryGate
{
    private const int MaxShown = 60, MaxValue = 4_000;

    private readonly Lazy<FrozenDictionary<MethodInfo, FrozenDictionary<string, Type>>> _known;

    public QueryGate(IServiceProvider services) => _known = new(() => Read(services.GetRequiredService<IApiDescriptionGroupCollectionProvider>()));

    /// <summary>Names that a route takes beside those of its handler.</summary>
    internal sealed record Names(IReadOnlyList<string> Values);

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Query.Count == 0 || context.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<MethodInfo>() is not { } handler || !_known.Value.TryGetValue(handler, out var known)) return next(context);
        foreach (var (name, values) in context.Request.Query)
        {
            if (!known.TryGetValue(name, out var type)) return Problems.Invalid($"There is no parameter '{Shown(name)}' here; this route takes {(known.Count == 0 ? "none" : string.Join(", ", known.Keys.Order(StringComparer.Ordinal)))}.").ExecuteAsync(context);
            if (values.Count > 1 && !type.IsArray && type != typeof(StringValues)) return Problems.Invalid($"'{name}' comes {values.Count} times; give it once.").ExecuteAsync(context);
            if (values.FirstOrDefault(value => value?.Length > MaxValue) is { } longest) return Problems.Invalid($"'{name}' has {longest.Length} characters; at most {MaxValue} are taken.").ExecuteAsync(context);
            if (values.Any(value => value?.Contains('\0', StringComparison.Ordinal) == true)) return Problems.Invalid($"'{name}' has the character U+0000, which no text has here; leave it out.").ExecuteAsync(context);

            // The framework takes 1.5 for the fifth of January.
            if ((Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTimeOffset) && values.ToString() is { Length: > 0 } instant && !Instant().IsMatch(instant))
                return Problems.Invalid($"'{name}' is '{Shown(instant)}', which is not an instant such as 2026-10-01T00:00:00Z.").ExecuteAsync(context);
        }

        return next(context);
    }

    private static FrozenDictionary<MethodInfo, FrozenDictionary<string, Type>> Read(IApiDescriptionGroupCollectionProvider descriptions)
    {
        var known = new Dictionary<MethodInfo, FrozenDictionary<string, Type>>();
        foreach (var route in descriptions.ApiDescriptionGroups.Items.SelectMany(group => group.Items))
        {
            var metadata = route.ActionDescriptor.EndpointMetadata;
            if (metadata.OfType<MethodInfo>().FirstOrDefault() is not { } handler) continue;
            var names = route.ParameterDescriptions.Where(one => one.Source == BindingSource.Query).Select(one => (one.Name, Type: (one.ParameterDescriptor as IParameterInfoParameterDescriptor)?.ParameterInfo.ParameterType ?? one.Type))
                .Concat(metadata.OfType<Names>().SelectMany(more => more.Values).Select(name => (Name: name, Type: typeof(string))));
            known[handler] = names.DistinctBy(one => one.Name, StringComparer.OrdinalIgnoreCase).ToFrozenDictionary(one => one.Name, one => one.Type, StringComparer.OrdinalIgnoreCase);
        }

        return known.ToFrozenDictionary();
    }

    private static string Shown(string name) => new([.. name.Take(MaxShown).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);

    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?$")]
    private static partial Regex Instant();
}
