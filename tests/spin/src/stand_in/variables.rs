//! A component's variables, in Spin's two interfaces.

use wasmtime::component::{Accessor, HasData};

use crate::guest::Guest;
use crate::guest::bindings::fermyon::spin::variables as v2;
use crate::guest::bindings::spin::variables::variables as v3;

/// Marks the guest as what has the variables.
pub(crate) struct HasVariables;

impl HasData for HasVariables {
    type Data<'a> = &'a mut Guest;
}

impl v2::Host for &mut Guest {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, v2::Error>> {
        Ok(self.variables.get(&name).cloned().ok_or(v2::Error::Undefined(name)))
    }
}

impl v3::Host for &mut Guest {}

impl<T: 'static> v3::HostWithStore<T> for HasVariables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, v3::Error>> {
        let value = accessor.with(|mut access| access.get().variables.get(&name).cloned());
        Ok(value.ok_or(v3::Error::Undefined(name)))
    }
}
